"""In: configurations of runs that differ in values alone. Out: a `FleetResult`, each member with the curves it has alone.
`grouping` and `assemble` make fleets, `trainer` trains them on `layout`, `roster` and `state`.
Called by `sweep.run_many`."""
