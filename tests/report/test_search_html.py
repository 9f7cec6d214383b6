"""The report of a search: every trial in it, escaped, and alive in a real browser."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from shared.browser import Browser, needs_browser
from shared.reports import EVIL, MOMENTUM, searched

from seedsweep.report.search_html import write_search_report


def written(folder: Path, *frames: pd.DataFrame, **options: Any) -> str:
    trials, confirmed, importances = frames
    options = {"metric": "val/loss", "maximize": False} | options
    return write_search_report(trials, confirmed, importances, folder, {"command": "<b>"}, **options).read_text()


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
    assert "<td>0.360 [0.300, 0.400]</td>" in text


def test_table_of_trials_says_how_many_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.report.search_html.ROWS", 10)
    text = written(tmp_path, *searched())
    assert "(the first 10 of 44; 34 are left out)" in text
    assert not {"nan", "inf", "None"} & set(re.findall("<td.*?>(.*?)</td>", text))


def test_specifications_are_json_and_hostile_names_stay_inside(tmp_path: Path) -> None:
    trials, *best_and_importances = searched(options=EVIL[:2])
    text = written(tmp_path, trials.rename(columns={MOMENTUM: EVIL[0]}), *best_and_importances, sentences=EVIL[:2])
    scripts = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert len(scripts) == 5
    for script in scripts:
        json.loads(script, parse_constant=pytest.fail)
    assert EVIL[0] not in text
    assert EVIL[1] not in text


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_page_is_drawn_in_a_browser_and_obeys_its_controls(tmp_path: Path, width: int, dark: bool) -> None:
    written(tmp_path, *searched(options=(*EVIL[:2], "adam")))
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
