"""In: overrides as they were typed, and Hydra's loader. Out: plain, resolved configurations of jobs, and the plan of
a sweep with names, groups, keys and params of its runs.
Called by the sweepers and the launcher (through `seedsweep.plugin`), and by every floor below."""
