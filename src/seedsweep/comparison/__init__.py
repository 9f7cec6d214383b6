"""In: a frame of runs, and one of their curves. Out: a `Comparison`: groups, pairs, verdicts, diagnostics.
Pure statistics over seeds, without torch, Lightning, MLflow or Hydra.
Called by `report.publish`, by the search, and by users as `seedsweep.compare`."""
