"""In: checked configurations. Out: trained runs, as `RunResult` or `FleetResult`: outcomes, curves and weights.
`lightning` trains one run at a time and is the reference; `fleet` trains many as one program, with equal curves.
Called by `lifecycle.run_one` and `lifecycle.run_many`."""
