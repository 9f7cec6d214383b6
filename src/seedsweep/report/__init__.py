"""In: runs, comparisons and tables of a search. Out: what a person sees: console, tables, pages, files for papers.
Nothing here decides anything: it shows what comparison and tracking give.
Called by sweeps and searches at their end, and by the command compare."""
