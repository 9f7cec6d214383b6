"""What the console shows."""

import math
from pathlib import Path

import pytest
from shared.reports import swept

from seedsweep.comparison.compare import compare
from seedsweep.report.console import how_to_open, number_or_dash, print_comparison, print_headline, print_sweep
from seedsweep.report.summary import summarize


def test_verdicts_come_before_the_table_and_the_diagnostics(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(*swept()))
    printed = capsys.readouterr().out
    landmarks = [
        "Each at its best, chosen by val/loss",
        "At the same setting, by val/loss",
        "val/loss when chosen",
        "! ",
    ]
    assert sorted(landmarks, key=printed.index) == landmarks


def test_headline_is_the_answer_in_one_line_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    comparison = compare(*swept(options=("[red]a", "b"), rates=(0.1,)))
    print_headline(comparison)
    assert capsys.readouterr().out == f"{comparison.headline}\n"


def test_six_settings_are_printed_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(*swept(options=("sgd", "adam"), rates=tuple(2.0**-power for power in range(8)))))
    lines = capsys.readouterr().out.split("At the same setting, by val/loss\n")[1].splitlines()
    assert [line.split(":")[0].split("=")[0] for line in lines[:6]] == ["  wine lr"] * 6
    assert lines[6] == "  … and 2 more in the report"


def test_several_data_sets_are_counted_and_told_to_be_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(*swept(problems=("wine", "iris"))))
    printed = capsys.readouterr().out.split("Several data sets\n")[1]
    assert printed.startswith("  2 data sets are too few for a test over data sets (six are needed)\n")
    assert "not told apart" in printed.split("wine")[0]


def test_table_of_a_sweep_says_what_its_means_are_over(capsys: pytest.CaptureFixture[str]) -> None:
    runs = swept()[0].assign(group="all")
    print_sweep(runs, summarize(runs, "val/loss"), "a [title]", "last values")
    printed = capsys.readouterr().out
    assert "a [title]" in printed
    assert "mean ± sd over seeds of the last values; 72 runs: 68 finished, 4 diverged" in printed
    assert "means are over finished runs only" in printed


def test_a_server_is_opened_by_its_address_and_a_file_by_a_command(tmp_path: Path) -> None:
    assert how_to_open("http://me:secret@host:5000/", "#/x").endswith("host:5000/#/x")
    assert "secret" not in how_to_open("http://me:secret@host:5000/", "#/x")
    command = how_to_open(f"sqlite:///{tmp_path}/a b.db", "#/x")
    assert command == f"seedsweep-ui tracking.uri='sqlite:///{tmp_path}/a b.db', then open\nhttp://127.0.0.1:5000/#/x"


def test_a_number_that_is_not_finite_is_a_dash() -> None:
    assert [number_or_dash(value, ".2g") for value in (0.123, math.nan, math.inf)] == ["0.12", "–", "–"]


def test_one_seed_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    runs = swept()[0].drop_duplicates("optimizer").assign(group=lambda table: table["optimizer"])
    print_sweep(runs, summarize(runs, "val/loss"), "a", "last values")
    assert "last values of one seed, which cannot tell luck from merit: seed=range(0,10)" in capsys.readouterr().out


def test_shared_ranks_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(*swept(options=("a", "b"), rates=(0.1,)), seed=1))
    printed = capsys.readouterr().out
    ranks = [line.split()[0] for line in printed.splitlines() if line.split()[:1] in (["1"], ["2"])]
    assert ("rank: 1 + how many options are surely better" in printed) == (len(set(ranks)) < len(ranks))
