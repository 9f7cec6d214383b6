"""In: a comparison, or the tables of a search. Out: charts, by name.
First `data` and `search_data` say what is plotted, then the other modules draw it with Vega-Lite.
Called by `report.html` and `report.search_html`."""
