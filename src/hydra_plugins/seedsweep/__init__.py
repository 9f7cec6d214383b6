"""seedsweep's plugins for Hydra, found by Hydra at every start: no heavy imports at the top of these modules."""
