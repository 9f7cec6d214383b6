"""In: configurations of runs that differ in values alone. Out: a `FleetResult`, each member as it is alone.
`grouping` and `assemble` make fleets, `trainer` trains them on `layout`, `roster` and `state`.
Called by `lifecycle.run_many`."""
