"""The report and its figures: complete, self-contained, escaped, and alive in a real browser."""

import base64
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shared.browser import Browser, needs_browser

from seedsweep.comparison.compare import Comparison, compare
from seedsweep.report import vega as bundle
from seedsweep.report.figures.data import as_text, by_rate, parts
from seedsweep.report.figures.figures import figures
from seedsweep.report.html import as_script, write_report
from seedsweep.report.tables import best_table, number, p_value

EVIL = ("<script>alert(1)</script>", "</script>\"'\\ ${x} & {{ y }}", "<img src=x onerror=alert(2)>")
ABOUT = {"command": "python train.py -m 'optimizer=<b>'", "commit": "abc", "store": "postgresql://me:secret@host/db"}


def swept(
    options: tuple[str, ...] = ("sgd", "adam", "adagrad"),
    rates: tuple[float, ...] = (0.01, 0.1, 1.0),
    seeds: int = 8,
    diverged: bool = True,
    problems: tuple[str, ...] = ("wine",),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs and curves as `load_runs` and `load_curves` give them, with curves that are known."""
    draw, runs, curves = np.random.default_rng(0), [], []
    names = [(p, o, r, s) for p in problems for o in options for r in rates for s in range(seeds)]
    for position, (problem, option, rate, seed) in enumerate(names):
        lost = diverged and rate == max(rates) and option == options[0] and seed % 2 == 0
        best = 0.2 + 0.1 * abs(np.log10(rate) + 1 + 0.3 * options.index(option)) + 0.02 * draw.normal()
        values = [best + np.exp(-epoch) for epoch in range(5)]
        about = {"run": f"{position:032x}", "data": problem, "optimizer": option, "optimizer.lr": rate, "seed": seed}
        ends = {"val/loss": np.nan if lost else values[-1], "test/loss": np.nan if lost else values[-1] + 0.01}
        runs.append(about | {"outcome": "diverged" if lost else "finished"} | ends)
        for metric in ("train/loss", "val/loss", "train/suboptimality"):
            points = values[: 2 if lost else 5]
            curves += [(about["run"], metric, 20 * (epoch + 1), epoch, value) for epoch, value in enumerate(points)]
    return pd.DataFrame(runs), pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"])


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(*swept())


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(comparison, tmp_path_factory.mktemp("report"), ABOUT, pngs=False)


def specs(page: Path) -> dict[str, dict[str, Any]]:
    """The specifications of the figures in a page, by name."""
    actual = re.findall(
        r'<figure id="([^"]*)">.*?<script type="application/json">(.*?)</script>', page.read_text(), re.S
    )
    return {name: json.loads(text) for name, text in actual}


def test_figures_have_one_for_each_thing_that_is_known(comparison: Comparison) -> None:
    expected = ["curves", "suboptimality", "learning_rates", "distribution", "differences", "differences_same"]
    assert list(figures(comparison)) == [*expected, "time_to_target", "tunability", "best_at_budget"]


def test_figures_are_valid_and_say_what_they_show(comparison: Comparison) -> None:
    for name, chart in figures(comparison).items():
        spec = chart.to_dict()  # which raises if the schema of Vega-Lite forbids it
        assert spec["description"], name
        assert spec["usermeta"]["figure"] == name


def test_figures_of_runs_without_curves_or_settings_are_those_that_remain() -> None:
    runs, _ = swept(rates=(0.1,), diverged=False)
    assert list(figures(compare(runs))) == ["distribution", "differences_same"]


def test_figures_of_one_seed_are_drawn_without_intervals() -> None:
    actual = figures(compare(*swept(seeds=1, diverged=False)))
    assert {"curves", "learning_rates", "distribution"} <= set(actual)


def test_figures_of_runs_that_all_diverged_are_drawn_as_far_as_they_can(tmp_path: Path) -> None:
    runs, curves = swept()
    runs = runs.assign(outcome="diverged", **{"val/loss": np.nan})
    text = write_report(compare(runs, curves), tmp_path, {}, pngs=False).read_text()
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.S).lower()


def test_settings_that_are_no_rates_are_categories(tmp_path: Path) -> None:
    runs, curves = swept(rates=(0.01, 0.1))
    init = runs["optimizer.lr"].map({0.01: "zeros", 0.1: "he_normal"})
    comparison = compare(runs.drop(columns="optimizer.lr").assign(**{"model.init": init}), curves)
    encoding = figures(comparison)["learning_rates"].to_dict()["layer"][0]["encoding"]
    assert (encoding["x"]["field"], encoding["x"]["type"]) == ("setting", "nominal")
    text = write_report(comparison, tmp_path, {}, pngs=False).read_text()
    assert "<h2>Settings</h2>" in text
    assert "At the same setting" in text


def test_figures_of_several_problems_are_told_apart() -> None:
    actual = figures(compare(*swept(problems=("wine", "my data/1"))))
    assert {"curves-wine", "curves-my_data_1", "profile"} <= set(actual)


def test_learning_rates_are_of_the_best_of_the_other_params_at_each() -> None:
    """Among initializers that differ from each other, a line an option, and a place for each of them."""
    runs = swept(options=("sgd", "adam"), diverged=False)[0].drop(columns="run")
    wide = pd.concat([runs.assign(**{"model.init": "zeros"}), runs.assign(**{"model.init": "ones"})], ignore_index=True)
    wide.loc[wide["model.init"] == "ones", "val/loss"] += np.where(wide["optimizer.lr"] > 0.05, 1, -1)[len(runs) :]
    comparison = compare(wide)
    (part,) = parts(comparison)
    table, rate, others = by_rate(part)
    assert (rate, others) == ("optimizer.lr", ["init=zeros", "init=ones"])
    top = table[table["top"] == 1].sort_values(["option", "x"])
    assert top["x"].tolist() == [0.01, 0.1, 1] * 2
    assert top["others"].tolist() == [1, 0, 0] * 2
    spec = figures(comparison)["learning_rates"].to_dict()
    assert "at each rate the one with the best mean" in spec["description"]
    assert "the best of the other params at each rate" in spec["usermeta"]["title"]


def test_differences_are_in_units_of_the_metric() -> None:
    runs, _ = swept(diverged=False)
    runs["val/accuracy"] = 1 - runs["val/loss"]
    actual = figures(compare(runs, metric="val/accuracy", at=["optimizer.lr"]))["differences"].to_dict()
    assert re.match(r"difference in val/accuracy from \w+, each at its best$", actual["title"])
    assert actual["description"].startswith("Left of the dashed line is worse")
    table = pd.read_csv(StringIO(max(actual["datasets"].values(), key=len)))
    assert (table["difference"] < 0).all()


def test_shares_are_drawn_where_both_seeds_were_swept(tmp_path: Path) -> None:
    draw, rows = np.random.default_rng(0), []
    for option in ("sgd", "adam"):
        for init in range(5):
            rows += [(option, init, order, init + 0.1 * draw.normal()) for order in range(4)]
    comparison = compare(pd.DataFrame(rows, columns=["optimizer", "init_seed", "order_seed", "val/loss"]))
    spec = figures(comparison)["shares"].to_dict()
    table = pd.read_csv(StringIO(max(spec["datasets"].values(), key=len)))
    assert table.groupby("option")["share"].sum().tolist() == pytest.approx([1, 1])
    initialization = table.loc[table["part"] == "initialization", "share"]
    assert len(initialization) == 2
    assert (initialization > 0.9).all()
    assert "<h2>Initialization and data order</h2>" in write_report(comparison, tmp_path, {}, pngs=False).read_text()


def test_distance_to_the_optimum_is_drawn_once() -> None:
    actual = figures(compare(*swept(diverged=False), metric="train/suboptimality"))
    assert "curves" in actual
    assert "suboptimality" not in actual


@pytest.mark.parametrize(("options", "crowd"), [(5, False), (6, True)])
def test_bands_of_many_options_are_left_out_at_first(options: int, crowd: bool) -> None:
    actual = figures(compare(*swept(options=tuple("abcdef"[:options]), seeds=4)))
    for name in ("time_to_target", "tunability"):
        spec = actual[name].to_dict()
        assert ("are left out at first" in spec["description"]) == crowd
        assert any(param["name"] == "bands" and param["value"] is False for param in spec["params"]) == crowd


@pytest.mark.slow
def test_figures_have_titles_that_stand_alone() -> None:
    actual = figures(compare(*swept(problems=("wine", "iris"))))
    titles = {name: chart.to_dict()["usermeta"]["title"] for name, chart in actual.items()}
    assert titles["distribution-wine"] == "final val/loss over 8 seeds, each at its best setting – wine"
    assert titles["learning_rates-iris"] == "final val/loss by learning rate over 8 seeds – iris"
    assert titles["differences_same-iris"].endswith("over 8 seeds, at lr=0.01 – iris")
    assert titles["profile"] == "data sets solved, by val/loss over 8 seeds – 2 data sets"


def test_distribution_shows_every_run_that_finished(comparison: Comparison) -> None:
    spec = figures(comparison)["distribution"].to_dict()
    longest = max(spec["datasets"].values(), key=len)
    assert longest.count("\n") - 1 == (comparison.runs["outcome"] == "finished").sum()


def test_distribution_of_very_many_runs_counts_them_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.figures.data.POINTS", 10)
    comparison = compare(*swept())
    chart = figures(comparison)["distribution"]
    finished = (comparison.runs["outcome"] == "finished").sum()
    assert chart.to_dict()["description"].startswith(f"The {finished} runs are counted in bins")


def test_curves_of_too_many_runs_are_those_of_the_best_groups_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.figures.data.LINES", 3 * 8 * 5)
    chart = figures(compare(*swept()))["curves"]
    assert "draws 24 of 72 runs, those at the best setting of each optimizer" in chart.to_dict()["description"]


def test_caption_says_both_what_is_left_out_of_the_means_and_of_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.figures.data.BANDS", 10)
    caption = figures(compare(*swept()))["curves"].to_dict()["description"]
    assert "Only the best setting of each optimizer is drawn, of 3. “Every seed” draws all 72 runs." in caption


def test_report_is_one_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text()
    assert len(text) < 5e6
    assert "default-src 'none'" in text
    assert not re.findall(
        r'(?:src|href)\s*=\s*"(?!data:|#)[^"]*"', re.sub(r"<script.*?</script>", "", text, flags=re.S)
    )


def test_report_has_the_verdicts_first_and_every_section(page: Path, comparison: Comparison) -> None:
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", page.read_text().split("<script>")[0])
    questions = ["Which optimizer wins?", "At the same learning rate", "Each at its best"]
    figures = ["Curves", "Distance to the optimum", "Learning rates", "Distribution over seeds", "Paired differences"]
    others = ["Time to target", "Tunability", "Tables", "Diagnostics, and what to do", "How it was made"]
    assert headings == questions + figures + others


def test_report_says_by_which_metric_and_on_what(page: Path) -> None:
    text = page.read_text()
    assert "By val/loss, over all seeds, of runs that differ in nothing else." in text
    half = "Chosen by val/loss on one half of the seeds, judged by test/loss on the other, and the other way round."
    assert half in text


def test_report_leads_to_its_sections_and_diagnostics(page: Path, comparison: Comparison) -> None:
    text = page.read_text().split("<script>")[0]
    links, anchors = re.findall('href="#([^"]*)"', text), re.findall('id="([^"]*)"', text)
    assert len(links) == 1 + 10
    assert set(links) <= set(anchors)
    assert len(anchors) == len(set(anchors))
    assert f">{len(comparison.diagnostics)} diagnostics, and what to do</a>" in text


def test_report_of_several_problems_leads_to_each(tmp_path: Path) -> None:
    page = write_report(compare(*swept(problems=("wine", "iris"))), tmp_path, {}, pngs=False)
    section = page.read_text().split('<section id="section-tunability">')[1].split("<figure")[0]
    assert re.findall(r'href="#([^"]*)">(\w+)<', section) == [("tunability-wine", "wine"), ("tunability-iris", "iris")]


def test_tables_against_a_baseline_have_no_ranks() -> None:
    (pairwise,) = compare(*swept(), baseline="sgd").best
    assert set(best_table(pairwise)["rank"]) == {"–"}


@pytest.mark.slow
def test_script_of_the_page_is_kept_whole_or_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = bundle.vega.__wrapped__()
    (kept,) = (tmp_path / "seedsweep").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr("vl_convert.javascript_bundle", None)
        assert bundle.vega.__wrapped__() == made
    for broken in (b"", b"\xff\xfe", kept.read_bytes()[:-1], kept.read_bytes().replace(b"vega", b"evil", 1)):
        kept.write_bytes(broken)
        assert bundle.vega.__wrapped__() == made
        assert len(kept.read_bytes()) > 500_000, "mended"


@pytest.mark.parametrize("home", ["a file", "/proc/nowhere"])
def test_script_of_the_page_needs_no_cache(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
    assert len(bundle.vega.__wrapped__()) > 500_000


def test_report_shows_neither_passwords_nor_markup_of_others(page: Path) -> None:
    text = page.read_text()
    assert "secret" not in text
    assert "optimizer=&lt;b&gt;" in text


def test_report_shows_numbers_that_are_not_there_as_dashes(page: Path) -> None:
    cells = re.findall(r"<td>(.*?)</td>", page.read_text())
    assert "4 of 8" in cells
    assert not {"nan", "None", "inf"} & set(cells)
    assert [number(None), number(np.nan), number(np.inf), number(0.123456)] == ["–", "–", "diverged", "0.1235"]


def test_small_p_values_are_shown_as_such() -> None:
    assert [p_value(0.0009), p_value(0.0123), p_value(np.nan)] == ["< 0.001", "0.012", "–"]


@pytest.mark.slow
def test_report_writes_every_figure_as_png(comparison: Comparison, tmp_path: Path) -> None:
    write_report(comparison, tmp_path, {})
    actual = sorted(tmp_path.glob("figures/*.png"))
    assert [file.stem for file in actual] == sorted(figures(comparison))
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in actual)


def test_scripts_hold_any_text() -> None:
    text = as_script(["</script><!--", "\u2028", "é"])
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == ["</script><!--", "\u2028", "é"]


def test_tables_of_figures_leave_out_what_is_not_finite() -> None:
    assert as_text(pd.DataFrame({"a": [1.23456789, np.inf], "b": ["x,\n", '"']})) == 'a,b\n1.23457,"x,\n"\n,""""\n'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    actual = Browser(tmp_path_factory.mktemp("profile"))
    yield actual
    actual.close()


LINES = "document.querySelectorAll('#curves svg .mark-line path').length"
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
    browser.until(f"drawings[0].result.view.scale('y').type === 'log' && {LINES} === 3 + 24")
    browser.click("#curves input[name=epochs]")
    browser.until("drawings[0].result.view.scale('x').domain()[1] === 5")
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
def test_names_that_are_markup_stay_text(browser: Browser, tmp_path: Path) -> None:
    runs, curves = swept(options=EVIL)
    page = write_report(compare(runs, curves), tmp_path, {EVIL[0]: EVIL[1]}, pngs=False)
    browser.open(page)
    assert not browser.complaints()
    assert browser.run("document.querySelectorAll('img').length") == 0
    shown = browser.run("[...document.querySelectorAll('#curves .role-legend-label text')].map(t => t.textContent)")
    assert [text.rstrip("…") for text in shown] == [
        name[: len(text.rstrip("…"))] for name, text in zip(EVIL, shown, strict=True)
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
