"""In: keys of `hydra.sweeper` and a grid of cells. Out: jobs round by round, and the answer as soon as it is sure.
The statistics decide which cells get more seeds; what was trained once is not trained again.
Called by the sweeper `until_sure`, through `seedsweep.plugin`, by the command compare and by `api`."""
