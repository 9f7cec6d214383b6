"""The report of a comparison: complete, self-contained, escaped, and alive in a real browser."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shared.browser import Browser, needs_browser
from shared.reports import EVIL, swept

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.report.figures.encodings import NAME
from seedsweep.report.figures.names import CHARACTER, shortened
from seedsweep.report.html import write_report

ABOUT = {"command": "python train.py -m 'optimizer=<b>'", "commit": "abc", "store": "postgresql://me:secret@host/db"}
ABOUT |= {"model": "<net>"}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept())


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(comparison, tmp_path_factory.mktemp("report"), ABOUT)


def specs(page: Path) -> dict[str, dict[str, Any]]:
    """The specifications of the figures in a page, by name."""
    actual = re.findall(
        r'<figure id="([^"]*)">.*?<script type="application/json">(.*?)</script>', page.read_text(), re.S
    )
    return {name: json.loads(text) for name, text in actual}


def test_report_of_runs_that_all_diverged_shows_no_nan(tmp_path: Path) -> None:
    runs, curves = swept()
    runs = runs.assign(outcome="diverged", **{"val/loss": np.nan})
    text = write_report(compare(runs, curves), tmp_path, {}).read_text()
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.S).lower()


def test_section_of_settings_that_are_no_rates_has_their_name(tmp_path: Path) -> None:
    runs, curves = swept(rates=(0.01, 0.1))
    init = runs["optimizer.lr"].map({0.01: "zeros", 0.1: "he_normal"})
    comparison = compare(runs.drop(columns="optimizer.lr").assign(**{"model.init": init}), curves)
    text = write_report(comparison, tmp_path, {}).read_text()
    assert "<h2>Settings</h2>" in text
    assert "At the same setting" in text


def test_where_the_variance_comes_from_has_a_section_if_both_seeds_were_swept(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        (option, init, order, init + 0.1 * generator.normal())
        for option in ("sgd", "adam")
        for init in range(5)
        for order in range(4)
    ]
    comparison = compare(pd.DataFrame(rows, columns=["optimizer", "init_seed", "order_seed", "val/loss"]))
    assert "<h2>Initialization and data order</h2>" in write_report(comparison, tmp_path, {}).read_text()


def test_report_is_one_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text()
    assert len(text) < 5e6
    assert "default-src 'none'" in text
    assert not re.findall(
        r'(?:src|href)\s*=\s*"(?!data:|#)[^"]*"', re.sub(r"<script.*?</script>", "", text, flags=re.S)
    )


def test_report_has_the_verdicts_first_and_every_section(page: Path) -> None:
    headings = re.findall(r"<h[12][^>]*>(.*?)</h[12]>", page.read_text().split("<script>")[0])
    questions = ["Which optimizer wins?", "Each at its best", "At the same learning rate"]
    figures = ["Curves", "Distance to the optimum", "Learning rates", "Distribution over seeds", "Paired differences"]
    figures += ["Time to target", "Tunability"]
    assert headings == [*questions, *figures, "Tables", "Diagnostics, and what to do", "How it was made"]


def test_report_says_by_which_metric_and_on_what(page: Path) -> None:
    text = page.read_text()
    assert "By val/loss, over all seeds, of runs that differ in nothing else." in text
    assert "Chosen by val/loss, compared by test/loss: the winner has to beat every setting of the others." in text
    runs = "By the last value of val/loss (smaller is better). 72 runs over 8 seeds: 68 finished, 4 diverged."
    assert f'<p class="faint">Data: wine. Model: &lt;net&gt;. {runs}</p>' in text


def test_report_has_the_headline_before_everything_then_the_figure_then_the_sentences(
    page: Path, comparison: Comparison
) -> None:
    text = page.read_text().split("<script>")[0]
    figures = ['<figure id="answer">', '<figure id="answer_map">']
    landmarks = [f'<p class="headline">{comparison.headline}</p>', *figures, 'class="question"', '<figure id="curves">']
    assert sorted(landmarks, key=text.index) == landmarks


def test_report_of_one_setting_answers_that_question_first_and_has_no_map(tmp_path: Path) -> None:
    runs, curves = swept(rates=(0.1,), diverged=False)
    text = write_report(compare(runs, curves), tmp_path, {}).read_text()
    assert re.findall(r"<h2>(.*?)</h2>", text)[:2] == ["At the same setting", "Each at its best"]
    assert '<figure id="answer">' in text
    assert '<figure id="answer_map">' not in text


def test_report_shows_six_settings_and_keeps_the_others_beneath(tmp_path: Path) -> None:
    runs, curves = swept(options=("sgd", "adam"), rates=tuple(2.0**-power for power in range(8)))
    text = write_report(compare(runs, curves), tmp_path, {}).read_text()
    shown, folded = text.split("At the same learning rate</h2>")[1].split("<summary>… and 2 more</summary>")
    assert (shown.count("<li>"), folded.split("</details>")[0].count("<li>")) == (6, 2)


def test_report_names_a_few_of_many_data_sets(tmp_path: Path) -> None:
    comparison = compare(*swept(problems=("a", "b", "c", "d", "e"), rates=(0.1,), seeds=6))
    assert "Data: a, b, c and 2 more. By" in write_report(comparison, tmp_path, {}).read_text()


def test_report_leads_to_its_sections_and_diagnostics(page: Path, comparison: Comparison) -> None:
    text = page.read_text().split("<script>")[0]
    links, anchors = re.findall('href="#([^"]*)"', text), re.findall('id="([^"]*)"', text)
    assert len(links) == 1 + 10
    assert set(links) <= set(anchors)
    assert len(anchors) == len(set(anchors))
    assert f">{len(comparison.diagnostics)} diagnostics, and what to do</a>" in text


def test_report_of_several_problems_leads_to_each(tmp_path: Path) -> None:
    page = write_report(compare(*swept(problems=("wine", "iris"))), tmp_path, {})
    section = page.read_text().split('<section id="section-tunability">')[1].split("<figure")[0]
    assert re.findall(r'href="#([^"]*)">(\w+)<', section) == [("tunability-iris", "iris"), ("tunability-wine", "wine")]


def test_report_of_several_data_sets_counts_wins_and_says_what_is_too_few(page: Path, tmp_path: Path) -> None:
    several = write_report(compare(*swept(problems=("wine", "iris"))), tmp_path, {})
    section = several.read_text().split('<section id="data-sets">')[1].split("</section>")[0]
    assert "<p>2 data sets are too few for a test over data sets (six are needed).</p>" in section
    assert section.count("<tr>") == 1 + 3
    assert 'id="data-sets"' not in page.read_text()


def test_report_shows_neither_passwords_nor_markup_of_others(page: Path) -> None:
    text = page.read_text()
    assert "secret" not in text
    assert "optimizer=&lt;b&gt;" in text


def test_report_shows_missing_numbers_as_dashes(page: Path) -> None:
    cells = re.findall(r"<td>(.*?)</td>", page.read_text())
    assert "4 of 8" in cells
    assert not {"nan", "None", "inf"} & set(cells)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    actual = Browser(tmp_path_factory.mktemp("profile"))
    yield actual
    actual.close()


LINES = "document.querySelectorAll('#curves svg .mark-line path').length"


CURVES = "drawings.find(drawing => drawing.figure.id === 'curves').result.view"
LEGEND = "#curves svg .role-legend-symbol path"


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_page_is_drawn_in_a_browser_without_network(browser: Browser, page: Path, width: int, dark: bool) -> None:
    browser.open(page, width, dark)
    drawn = browser.run("[...document.querySelectorAll('figure')].filter(f => f.querySelector('svg')).map(f => f.id)")
    assert drawn == list(specs(page))
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert (
        browser.run("Math.max(...[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().right))")
        <= width
    )
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground != "rgb(255, 255, 255)") == dark
    assert not browser.complaints()


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_first_screen_has_the_headline_and_the_figure(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    bottoms = "document.querySelector({}).getBoundingClientRect().bottom"
    headline, answer, answer_map = (
        browser.run(bottoms.format(f"'{part}'")) for part in (".headline", "#answer svg", "#answer_map svg")
    )
    assert 0 < headline < answer <= answer_map < 900


@needs_browser
def test_page_is_printed_with_light_colours_and_without_controls(browser: Browser, page: Path) -> None:
    browser.open(page, dark=True)
    color = "getComputedStyle(document.querySelector('#answer svg .role-title text')).fill"
    assert browser.run(color) == "rgb(230, 230, 230)"
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.until(f"document.querySelector('#answer svg .role-title text') && {color} === 'rgb(34, 34, 34)'")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown = "[...document.querySelectorAll('nav, .controls, .chart summary')].filter(part => part.offsetHeight).length"
    assert browser.run(shown) == 0
    assert browser.run("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    browser.call("Emulation.setEmulatedMedia", media="")


@needs_browser
def test_page_follows_the_scheme_of_the_reader(browser: Browser, page: Path) -> None:
    browser.open(page)
    color = "getComputedStyle(document.querySelector('#curves svg .role-title text')).fill"
    light = browser.run(color)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.until(f"document.querySelector('#curves svg .role-title text') && {color} !== {json.dumps(light)}")


@needs_browser
def test_legend_chooses_options(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run(LINES) == 3
    browser.click(LEGEND)
    browser.until(f"{LINES} === 1")
    browser.click(LEGEND)
    browser.until(f"{LINES} === 3")
    assert not browser.complaints()


@needs_browser
def test_controls_change_what_is_drawn_and_keep_each_other(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("#curves .vega-bind input[type=checkbox]")
    browser.until(f"{LINES} === 3 + 24")
    browser.click("#curves input[name=log]")
    browser.until(f"{CURVES}.scale('y').type === 'log' && {LINES} === 3 + 24")
    browser.click("#curves input[name=epochs]")
    browser.until(f"{CURVES}.scale('x').domain()[1] === 5")
    assert not browser.complaints()


@needs_browser
def test_pointer_shows_the_numbers_of_the_nearest_point(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("#curves svg .mark-area path")
    browser.until("/sgd|ada/.test(document.querySelector('#vg-tooltip-element')?.innerText)")
    shown = browser.run("document.querySelector('#vg-tooltip-element').innerText")
    assert "undefined" not in shown
    assert re.search(r"seeds\s+8\b", shown)


@needs_browser
def test_names_that_are_markup_stay_strings(browser: Browser, tmp_path: Path) -> None:
    runs, curves = swept(options=EVIL)
    page = write_report(compare(runs, curves), tmp_path, {EVIL[0]: EVIL[1]})
    browser.open(page)
    assert not browser.complaints()
    assert browser.run("document.querySelectorAll('img').length") == 0
    shown = browser.run("[...document.querySelectorAll('#curves .role-legend-label text')].map(t => t.textContent)")
    names = sorted(f"optimizer={name}" for name in EVIL)  # of which none is a word
    short = shortened(names, NAME // CHARACTER)
    expected = [short.get(name, name) for name in names]
    assert [text.rstrip("…") for text in shown] == [
        name[: len(text.rstrip("…"))] for name, text in zip(expected, shown, strict=True)
    ]
    assert EVIL[0] in browser.run("document.querySelector('dt').textContent")


@needs_browser
def test_page_can_be_photographed(browser: Browser, page: Path) -> None:
    browser.open(page)
    picture = base64.b64decode(browser.call("Page.captureScreenshot")["data"])
    assert len(picture) > 10_000


@needs_browser
@pytest.mark.parametrize(("width", "more"), [(1280, False), (390, True)])
def test_tables_say_where_they_go_on(browser: Browser, page: Path, width: int, more: bool) -> None:
    browser.open(page, width)
    shown = "getComputedStyle(document.querySelector('.hint')).display === 'block'"
    browser.until(f"({shown}) === {json.dumps(more)}")
    browser.run("document.querySelector('.table').scrollLeft = 1e6")
    browser.until("!document.querySelector('.wide').classList.contains('more')")
