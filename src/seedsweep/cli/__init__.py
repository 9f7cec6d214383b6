"""In: what a person types, composed by Hydra. Out: what the floors below are asked to do, and messages.
Holds what `compare.py` does and how every command answers wrong input; `train.py` runs `lifecycle.run_one`.
Called by the scripts at the top of the project, as `seedsweep.answer` and `seedsweep.compact_errors`."""
