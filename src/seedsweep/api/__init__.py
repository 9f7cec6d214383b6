"""In: overrides, names, objects and functions, as somebody's Python has them. Out: a recorded sweep as `Results`.
`keywords` and `objects` turn what is given into overrides, `hydra_sweep` runs them, `function` calls functions.
Called by scripts and notebooks as `seedsweep.sweep`, `seedsweep.check`, `seedsweep.open` and `seedsweep.compare`."""
