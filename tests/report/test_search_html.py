"""The report of a search: every trial in it, escaped, and alive in a real browser."""

import json
import math
import re
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shared.browser import Browser, needs_browser

from seedsweep.report.figures.search_data import PlottedSearch, prepare
from seedsweep.report.figures.search_figures import figures
from seedsweep.report.search_html import write_search_report

EVIL = ("<script>alert(1)</script>", "</script>\"'\\ ${x} & {{ y }}")
MOMENTUM = "optimizer.momentum"


def searched(options: tuple[str, ...] = ("sgd", "adam"), studies: int = 2) -> list[pd.DataFrame]:
    """Trials, their best on fresh seeds, and importances; the last option searches two params."""
    draw = np.random.default_rng(0)
    trials, confirmed, importances = [], [], []
    for option in options:
        for study in (f"a long name | {option} | study {position}" for position in range(studies)):
            own = {"study": study, "option": option}
            rows: list[dict[str, Any]] = []
            for trial, value in enumerate([0.5, math.inf, math.nan, 0.3, 0.4, 1e9, math.nan, 0.2, 0.6, 0.25, 0.7]):
                state = {2: "failed", 6: "running", 8: "pruned"}.get(trial, "finished")
                row = own | {"number": trial, "state": state, "value": value, "group": ""}
                rows.append(row | {"optimizer.lr": 10 ** draw.uniform(-4, 0)})
                rows[-1] |= {MOMENTUM: draw.uniform()} if option == options[-1] else {}
            trials += rows
            for rank, trial in enumerate((7, 9), start=1):
                about = own | {"number": trial, "rank": rank, "setting": "lr=…", "searched": rows[trial]["value"]}
                confirmed += [about | {"seed": seed, "value": 0.2 + 0.1 * rank + seed / 100} for seed in (5, 6, 7)]
        if option == options[-1]:
            importances += [own | {"param": "optimizer.lr", "importance": 0.9}]
            importances += [own | {"param": MOMENTUM, "importance": 0.1}]
    return [pd.DataFrame(rows) for rows in (trials, confirmed, importances)]


def actual(*frames: pd.DataFrame, maximize: bool = False) -> PlottedSearch:
    trials, confirmed, importances = frames or searched()
    return prepare(trials, confirmed, importances, "val/loss", maximize)


def tables(actual: PlottedSearch, name: str) -> list[pd.DataFrame]:
    """The data of a figure."""
    spec = figures(actual)[name].to_dict()  # which raises if the schema of Vega-Lite forbids it
    return [pd.read_csv(StringIO(text)) for text in spec["datasets"].values()]


def written(folder: Path, *frames: pd.DataFrame, **others: Any) -> str:
    trials, confirmed, importances = frames
    asked: dict[str, Any] = {"metric": "val/loss", "maximize": False, "pngs": False} | others
    return write_search_report(trials, confirmed, importances, folder, {"command": "<b>"}, **asked).read_text()


def test_figures_are_one_for_each_question_and_param() -> None:
    shown = figures(actual())
    assert list(shown) == ["history", "values-optimizer.lr", f"values-{MOMENTUM}", "importances", "confirmed"]
    assert all(chart.to_dict()["description"] for chart in shown.values())


def test_history_has_every_trial_that_ended_and_the_best_so_far() -> None:
    history = next(table for table in tables(actual(), "history") if "best" in table)
    assert len(history) == 4 * 10
    one = history[(history["option"] == "sgd") & (history["study"] == 1)]
    assert one["best"].tolist() == [0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.2]


def test_history_of_what_is_maximized_rises() -> None:
    history = next(table for table in tables(actual(maximize=True), "history") if "best" in table)
    assert history.groupby(["option", "study"])["best"].apply(lambda best: best.is_monotonic_increasing).all()


def test_values_that_are_not_finite_or_far_off_leave_the_others_room() -> None:
    history = next(table for table in tables(actual(), "history") if "best" in table)
    assert history["value"].max() == 0.7
    far = history[(history["trial"].isin([1, 5])) & (history["study"] == 1) & (history["option"] == "sgd")]
    assert far["label"].tolist() == ["diverged", "1e+09"]
    caption = figures(actual())["history"].to_dict()["description"]
    assert "diverged or is far off (8)" in caption
    assert "pruned or failed (8)" in caption


def test_values_by_a_param_are_those_of_the_options_that_search_it() -> None:
    points, winners = sorted(tables(actual(), f"values-{MOMENTUM}"), key=len, reverse=True)
    assert set(points["option"]) == set(winners["option"]) == {"adam"}
    assert winners["mean"].tolist() == pytest.approx([0.36, 0.36])


def test_rates_over_decades_have_a_logarithmic_axis_and_names_none() -> None:
    trials, *others = searched()
    trials["model.init"] = ["zeros", "ones"] * 22
    shown = figures(actual(trials, *others))
    specs = [shown[f"values-{name}"].to_dict() for name in ("optimizer.lr", "model.init")]
    rate, name = (spec["layer"][0]["encoding"]["x"] for spec in specs)
    assert rate["scale"]["type"] == "log"
    assert name["type"] == "nominal"


def test_confirmed_trials_show_the_optimism_of_choosing() -> None:
    shown = actual()
    assert shown.confirmed["optimism"].tolist() == pytest.approx([0.16, 0.21] * 4)
    summary = next(table for table in tables(shown, "confirmed") if "mean" in table)
    assert summary["pair"].tolist()[:3] == ["sgd 1 #7", "sgd 1 #9", "sgd 2 #7"]
    assert (summary["low"] < summary["mean"]).all()


def test_fresh_seeds_that_diverged_are_counted_and_leave_no_interval() -> None:
    trials, confirmed, importances = searched()
    confirmed.loc[0, "value"], confirmed.loc[1, "value"] = math.inf, math.nan
    first = actual(trials, confirmed, importances).confirmed.iloc[0]
    assert first["label"] == "1 diverged, 1 failed"
    assert first["mean"] == pytest.approx(0.37)
    assert math.isnan(first["low"])


def test_search_without_confirmation_or_second_param_has_no_sections_of_them(tmp_path: Path) -> None:
    trials, _, _ = searched(studies=1)
    text = written(tmp_path, trials.drop(columns=MOMENTUM), pd.DataFrame(), pd.DataFrame())
    headings = re.findall("<h2>(.*?)</h2>", text.split("<script>")[0])
    assert headings == ["History", "What the values depend on", "Tables", "How it was made"]


def test_search_of_one_study_without_options_names_neither(tmp_path: Path) -> None:
    frames = [table.assign(option="") for table in searched(("sgd",), studies=1)]
    text = written(tmp_path, *frames)
    assert "11 trials in 1 study: 8 finished, 1 pruned, 1 failed, 1 running." in text
    assert '<th scope="col">trial</th>' in text
    assert '<th scope="col">option</th>' not in text


def test_page_starts_with_the_verdicts_and_the_counts(tmp_path: Path) -> None:
    row = {"option": "adam", "studies": 2, "seeds": 3, "mean": 0.36, "low": 0.3, "high": 0.4}
    winners = pd.DataFrame([row | {"study_sd": 0.01, "seed_sd": math.nan, "diverged": 0}])
    text = written(tmp_path, *searched(), sentences=["adam < sgd"], winners=winners)
    assert "<li>adam &lt; sgd</li>" in text
    assert "val/loss is minimized; 44 trials in 4 studies of 2 options: 32 finished" in text
    assert "<td>0.36 [0.3, 0.4]</td>" in text


def test_table_of_trials_says_how_many_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.search_html.ROWS", 10)
    text = written(tmp_path, *searched())
    assert "(the first 10 of 44; 34 are left out)" in text
    assert not {"nan", "inf", "None"} & set(re.findall("<td.*?>(.*?)</td>", text))


def test_specifications_are_json_and_hostile_names_stay_inside(tmp_path: Path) -> None:
    trials, *others = searched(options=EVIL)
    text = written(tmp_path, trials.rename(columns={MOMENTUM: EVIL[0]}), *others, sentences=EVIL)
    scripts = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert len(scripts) == 5
    for script in scripts:
        json.loads(script, parse_constant=pytest.fail)
    assert EVIL[0] not in text
    assert EVIL[1] not in text


def test_every_figure_is_written_as_png(tmp_path: Path) -> None:
    written(tmp_path, *searched(studies=1), pngs=True)
    assert {file.stem for file in tmp_path.glob("figures/*.png")} == set(figures(actual(*searched(studies=1))))


def test_search_without_a_trial_has_no_report() -> None:
    with pytest.raises(ValueError, match="without a trial"):
        actual(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_page_is_drawn_in_a_browser_and_obeys_its_controls(tmp_path: Path, width: int, dark: bool) -> None:
    written(tmp_path, *searched(options=(*EVIL, "adam")))
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(tmp_path / "search.html", width, dark)
        assert browser.run("document.querySelectorAll('figure svg.marks').length") == 5
        assert browser.run("document.documentElement.scrollWidth") <= width
        lines = "document.querySelectorAll('#history svg .mark-line path').length"
        assert browser.run(lines) == 6
        browser.click("#history svg .role-legend-symbol path")
        browser.until(f"{lines} === 2")
        browser.run("drawings[0].result.view.signal('which', 1).run(), true")
        browser.until(f"{lines} === 1")
        assert not browser.complaints()
    finally:
        browser.close()
