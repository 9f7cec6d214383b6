"""In: planned runs, points and weights from the engines, addresses of stores. Out: MLflow stores, and their frames.
Holds the only code that imports mlflow: the writers of runs, fleets and sweeps, the readers, the connection, the tags.
Called by report, sweep, search and the command compare; `load_runs`, `load_curves` and `load_model` are public."""
