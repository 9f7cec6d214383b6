"""What a comparison found as a file of one's own, for a paper or a slide: the ending of its name says what."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedsweep import __version__
from seedsweep.comparison.compare import Comparison
from seedsweep.config.csv_cells import safe_csv
from seedsweep.errors import ConfigError
from seedsweep.report.figure_files import FORMATS, draw, on_paper
from seedsweep.report.latex import to_latex
from seedsweep.report.option_table import option_table

if TYPE_CHECKING:
    from seedsweep.report.figures.layers import Chart

IMAGES = tuple(f".{form}" for form in FORMATS)
ENDINGS = (".tex", ".csv", ".html", *IMAGES)


def figure(comparison: Comparison, name: str) -> "Chart":
    """A figure of the report as it stands alone: with a title, and the colours that it has on paper.

    Args:
        comparison: that it shows.
        name: such as `curves`, or of one of several data sets `curves-wine`.

    Returns:
        The chart, to be looked at in a notebook, changed, or saved.

    Raises:
        ConfigError: the comparison has no such figure.
    """
    from seedsweep.report.figures.comparison_figures import comparison_figures, kind_of

    kind = kind_of(name)
    charts = comparison_figures(comparison, [kind]) if kind else {}
    if name not in charts:
        names = ", ".join(comparison_figures(comparison))
        raise ConfigError("figure", name, f"is none of this comparison; it has {names}")
    chart = charts[name]
    return chart.properties(**on_paper(str(chart.description), chart.usermeta["title"]))


def save(comparison: Comparison, path: str | os.PathLike[str], about: Mapping[str, str] | None = None) -> Path:
    """Write what the ending of the path says; a file that is there is replaced, and folders are made.

    Args:
        comparison: that is written.
        path: `.tex` is the table of its options in LaTeX, `.csv` the same as plain numbers with the verdicts, `.html`
            the report; `.png`, `.svg` and `.pdf` are the figure that the file is named by, such as `curves.pdf`.
        about: how the comparison was made, as the report says it; None: the question alone.

    Returns:
        The file.

    Raises:
        ConfigError: the ending is none of these, there is no such figure, or the file cannot be written.
    """
    (file,) = checked_paths("path", os.fspath(path))
    _write(file, _content(comparison, file, about))
    return file


def checked_paths(key: str, value: Any) -> list[Path]:
    """The files that are asked for.

    Args:
        key: the key that asks for them.
        value: a path, a list of paths, or None.

    Returns:
        The files; none for None.

    Raises:
        ConfigError: it is none of these, or the ending or the name says nothing that can be written.
    """
    paths = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ConfigError(key, value, "must be a file such as table.tex, a list of files, or null")
    files = [Path(path) for path in paths]
    for file in files:
        _check(key, file)
    return files


def _check(key: str, file: Path) -> None:
    """Raise `ConfigError` if nothing is written to files of such a name."""
    if file.suffix not in ENDINGS:
        raise ConfigError(key, file, f"must end with one of {', '.join(ENDINGS)}")
    if file.suffix in IMAGES:
        from seedsweep.report.figures.comparison_figures import FIGURES, kind_of  # which imports Altair

        if kind_of(file.stem) is None:
            named = f"must be named by a figure: {', '.join(FIGURES)}; with several data sets such as curves-wine"
            raise ConfigError(key, file, named)


def _content(comparison: Comparison, file: Path, about: Mapping[str, str] | None) -> bytes:
    """What the file holds."""
    if file.suffix == ".tex":
        return to_latex(comparison).encode()
    if file.suffix == ".csv":
        return safe_csv(option_table(comparison)).encode()
    if file.suffix == ".html":
        from seedsweep.report.html import figure_specs, render_report

        made = {"question": repr(comparison.question), "versions": f"seedsweep {__version__}"}
        return render_report(comparison, figure_specs(comparison), about or made).encode()
    ((_, content),) = draw(figure(comparison, file.stem).to_dict(validate=False), [file.suffix[1:]])
    return content


def _write(file: Path, content: bytes) -> None:
    """Write it whole or not at all."""
    unfinished = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError("path", file, f"cannot be written: {error.strerror}") from error
