"""In: keys of `hydra.sweeper` and a space. Out: jobs round by round, asked and told, and the confirmed best trials.
Optuna proposes, every trial goes over seeds, and what was trained once is not trained again.
Called by the sweeper `optuna`, through `seedsweep.plugin`, and by the command compare."""
