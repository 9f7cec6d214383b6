"""In: what a person types, composed by Hydra. Out: what the floors below are asked to do, and messages.
`train`, `compare` and `ui` are the commands, `answer` is what `compare` does, `compact_errors` answers wrong input.
Called by the shell as `seedsweep`, `seedsweep-compare` and `seedsweep-ui`, and by the scripts of a checkout."""
