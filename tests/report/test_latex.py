"""A comparison as a table of LaTeX: it compiles, it is bold where an option wins, and its caption says how sure."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shared.reports import EVIL, swept
from shared.scores import runs

from seedsweep.comparison.compare import compare
from seedsweep.report.latex import to_latex

CLEAR = {("sgd", 0.1): 0.4, ("sgd", 0.01): 0.5, ("adam", 0.1): 0.3, ("adam", 0.01): 0.2}
HOSTILE = (*EVIL, "50%_of & #1 $x^2~{", "[a]*", "α–花😀", "\\end{table}")


def on_six(levels: dict[tuple[str, float], float]) -> pd.DataFrame:
    return pd.concat([runs(levels, data=f"set{i}") for i in range(6)], ignore_index=True).drop(columns="run")


def caption(table: str) -> str:
    return re.findall(r"\\caption\{(.*)\}\n", table)[0]


def cells(table: str) -> list[list[str]]:
    """The cells of the rows, the header being the first."""
    text = table.split(r"\toprule")[1].split(r"\bottomrule")[0].replace("\\midrule\n", "")
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", row)] for row in text.split("\\\\\n") if row.strip()]


def is_balanced(table: str) -> bool:
    """Whether every brace is closed, every row is as long as the header, and the environments are closed in turn."""
    depth = 0
    for sign in re.findall(r"(?<!\\)[{}]", table):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    columns = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", table)
    lengths = {len(row) for row in cells(table)}
    environments = re.findall(r"\\(begin|end)\{(\w+)\}", table.split("{tabular}{")[0] + table.split(r"\bottomrule")[1])
    order = [("begin", "table"), ("end", "tabular"), ("end", "table")]
    return depth == 0 and lengths == {len(columns[0])} and environments == order


def test_a_winner_alone_is_bold() -> None:
    header, *rows = cells(to_latex(compare(runs(CLEAR))))
    assert header == ["optimizer", "setting", "test/loss", "seeds", "rank"]
    assert rows == [
        ["adam", "lr=0.01", r"\textbf{\boldmath $0.251 \pm 0.033$}", "20 of 20", "1"],
        ["sgd", "lr=0.1", r"$0.453 \pm 0.027$", "20 of 20", "2"],
    ]


def test_the_caption_says_how_sure_over_how_many_seeds_and_what_bold_means() -> None:
    text = caption(to_latex(compare(runs(CLEAR, data="wine"), confidence=0.9)))
    assert text == (
        r"Final test/loss of each optimizer on wine, at its best setting by val/loss: mean over 20 seeds $\pm$ half the"
        r" width of its 90\,\% interval, wide enough for the choice of the setting; smaller is better."
        r" Bold: wins, that is, better than every other at 90\,\% confidence."
        r" Rank: one more than the number of those shown to be better."
    )


@pytest.mark.parametrize("noise", [0.001, 0.1])
def test_a_tie_and_what_cannot_be_told_apart_have_nothing_bold(noise: float) -> None:
    table = to_latex(compare(runs({("sgd", 0.1): 0.4, ("adam", 0.1): 0.4}, noise=noise)))
    assert "textbf" not in table
    assert r"None is bold, as none was shown to be better than every other at 95\,\% confidence" in caption(table)


def test_against_a_baseline_there_are_no_ranks_and_bold_is_what_is_better() -> None:
    levels = {("sgd", 0.1): 0.4, ("adam", 0.1): 0.2, ("rmsprop", 0.1): 0.6}
    table = to_latex(compare(runs(levels), baseline="sgd"))
    header, *rows = cells(table)
    assert "rank" not in header
    assert [row[0] for row in rows if "textbf" in row[1]] == ["adam"]
    assert "better than the baseline, sgd, at" in caption(table)


def test_several_data_sets_have_a_column_each_with_their_own_winners_and_settings() -> None:
    first, second = runs(CLEAR, data="wine"), runs({key: 1 - level for key, level in CLEAR.items()}, data="iris")
    table = to_latex(compare(pd.concat([first, second], ignore_index=True).drop(columns="run")))
    header, adam, of_adam, sgd, of_sgd = cells(table)
    assert header == ["optimizer", "iris", "wine"]
    assert ["textbf" in cell for cell in adam[1:]] == [False, True]
    assert ["textbf" in cell for cell in sgd[1:]] == [True, False]
    assert of_adam == ["", r"\footnotesize lr=0.1", r"\footnotesize lr=0.01"]
    assert of_sgd == ["", r"\footnotesize lr=0.01", r"\footnotesize lr=0.1"]
    assert "Bold: wins on that data set" in caption(table)


def test_six_data_sets_have_mean_ranks_and_what_they_share_is_in_the_caption() -> None:
    levels = {("sgd", 0.1): 0.4, ("adam", 0.1): 0.3, ("lion", 0.1): 0.5}
    table = to_latex(compare(on_six(levels), at=["optimizer.lr"]))
    header, *rows = cells(table)
    assert header[-1] == "mean rank"
    assert [(row[0], row[-1]) for row in rows] == [("adam", "1"), ("sgd", "2"), ("lion", "3")]
    assert " at lr=0.1: " in caption(table)
    assert "Mean rank: over the 6 data sets that have every optimizer" in caption(table)


def test_lost_runs_are_counted_and_the_caption_says_what_they_count_as() -> None:
    lost = runs(CLEAR).assign(outcome=lambda runs: np.where(runs["seed"] == 0, "diverged", "finished"))
    lost.loc[lost["optimizer"] == "sgd", "outcome"] = "diverged"
    lost.loc[lost["outcome"] == "diverged", ["val/loss", "test/loss"]] = np.nan
    table = to_latex(compare(lost))
    assert [row[2:4] for row in cells(table)[2:]] == [["diverged", "0 of 20"]]
    assert "19 of 20" in table
    assert "a diverged run counts as the worst" in caption(table)


def test_a_data_set_with_one_option_is_left_out_and_named() -> None:
    alone = runs({("sgd", 0.1): 0.4}, data="lonely")
    table = to_latex(compare(pd.concat([runs(CLEAR, data="wine"), alone], ignore_index=True).drop(columns="run")))
    assert caption(table).endswith("Left out: lonely (sgd only).")
    assert len(cells(table)) == 3


def test_an_option_may_be_called_as_a_column_is() -> None:
    renamed = runs(CLEAR).rename(columns={"optimizer": "rank"})
    assert [row[0] for row in cells(to_latex(compare(renamed, by="rank")))] == ["rank", "adam", "sgd"]


def test_hostile_names_keep_the_table_whole() -> None:
    assert is_balanced(to_latex(compare(*swept(options=HOSTILE, rates=(0.1, 1.0), seeds=6))))
    assert is_balanced(to_latex(compare(*swept(options=HOSTILE, seeds=6, problems=HOSTILE[:3]))))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_hostile_names_compile(tmp_path: Path) -> None:
    tables = [
        to_latex(compare(*swept(options=HOSTILE, rates=(0.1, 1.0), seeds=6))),
        to_latex(compare(*swept(options=HOSTILE, seeds=6, problems=HOSTILE))),
        to_latex(compare(on_six({("sgd", 0.1): 0.4, ("adam", 0.1): 0.3}), metric="val/loss")),
    ]
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\listoftables\n%s\\end{document}"
    (tmp_path / "paper.tex").write_text(text % "\n".join(tables))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):  # the second reads the list of tables that the first has written
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert ended.returncode == 0, ended.stdout.decode(errors="replace")[-2000:]
