"""In: a plain configuration. Out: data, network and Lightning module, checked and made; exact optima.
Nothing here knows how a run is trained or recorded.
Called by the engines, and by tracking to load a model again."""
