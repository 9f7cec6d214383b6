"""In: the jobs of a launch. Out: their values, and their runs in the store, trained by other processes, chunk by chunk.
`on_workers` goes from one to the other: `chunks` cuts, `dispatch` hands out, `chunk` trains, `recording` keeps.
Called by the launcher, through `seedsweep.plugin`; a worker calls `chunk.train_chunk` alone."""
