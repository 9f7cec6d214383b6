"""In: nothing. Out: classes under the names by which configurations, run keys and weights have recorded them.
`seedsweep.model`, `.datasets`, `.quadratic`, `.wilcoxon` and `.given` never change, wherever the modules go.
Called by configurations (`_target_: seedsweep.model.MLP`), `load_model`, and people's own classes."""
