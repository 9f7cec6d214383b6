"""In: an MLflow experiment, tables, or folders of Lightning's logs that others recorded. Out: frames for `compare`.
Guesses which columns are params, metrics and seeds where nobody says so, and says in a line what it took for what.
Called by the command compare, where it is asked for runs that are not of a sweep."""
