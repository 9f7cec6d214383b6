"""In: overrides of jobs, and what composes them. Out: a sweep that is checked, recorded, launched, closed and shown.
`opening` and `closing` are its two ends, around a launcher; `run_one` and `run_many` are what a launcher starts.
Called by the sweepers, through `seedsweep.plugin`, and by `train.py` for one run."""
