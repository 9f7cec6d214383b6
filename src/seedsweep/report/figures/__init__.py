"""In: a comparison, or the tables of a search. Out: charts, by name.
A panel is one problem or search; `…_data` says what of it is plotted, `…_figures` draws that with Vega-Lite.
Called by `report.html`, `report.export` and `report.search_html`."""
