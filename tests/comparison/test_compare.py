"""What is said of runs: on frames made by hand, and on a sweep of the notebook's data."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shared.commands import BANKNOTE, ROOT, Ended, needs_banknote

import seedsweep
from seedsweep.comparison.compare import Comparison, compare
from seedsweep.comparison.scores import score_runs
from seedsweep.comparison.verdicts import BOTH, verdict
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import Point, RunResult, objective

SEEDS = 20


def runs(levels: dict[tuple[str, float], float], seeds: int = SEEDS, noise: float = 0.1, **more: Any) -> pd.DataFrame:
    """Runs of (optimizer, learning rate) with that mean validation loss, whose noise is common to a seed."""
    draw = np.random.default_rng(1)
    common, rows = draw.normal(size=seeds), []
    for (optimizer, rate), level in levels.items():
        own = 0.3 * draw.normal(size=seeds)
        for seed in range(seeds):
            loss = level + noise * (common[seed] + own[seed])
            row = {"run": f"{optimizer}{rate}-{seed}", "optimizer": optimizer, "optimizer.lr": rate, "seed": seed}
            rows.append(row | {"outcome": "finished", "val/loss": loss, "test/loss": loss + 0.05} | more)
    return pd.DataFrame(rows)


def sentences(comparison: Comparison, question: str) -> list[str]:
    return [actual.sentence for actual in comparison.verdicts if actual.question == question]


def test_winner_beats_every_other() -> None:
    actual = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}))
    (sentence,) = sentences(actual, "at the same setting")
    assert sentence.startswith("adam wins: beats every other, adagrad the closest by 0.")
    assert "(adjusted p < 0.001)" in sentence
    (pairwise,) = actual.same
    assert pairwise.table["option"].tolist() == ["adam", "adagrad", "sgd"]
    assert pairwise.table["rank"].tolist() == [1, 2, 3]
    pair = pairwise.pairs.set_index(["better", "worse"]).loc[("adam", "sgd")]
    assert pair["low"] < 0.5 < pair["high"]
    assert (pair["seeds"], pair["paired"], pair["probability"]) == (SEEDS, True, 1.0)
    assert actual.best == []  # nothing was chosen


def test_identical_options_share_a_rank_and_nobody_wins() -> None:
    table = runs({("sgd", 0.1): 1.0})
    both = pd.concat([table, table.assign(optimizer="twin", run=table["run"] + "t")])
    (pairwise,) = compare(both).same
    assert pairwise.table["rank"].tolist() == [1, 1]
    assert pairwise.pairs["difference"].tolist() == [0]
    assert "tie" in verdict(pairwise)


def test_difference_without_size_is_a_tie_however_sure() -> None:
    table = runs({("sgd", 0.1): 1.0, ("momentum", 0.1): 1.0})
    momentum = table["optimizer"] == "momentum"
    tiny = 1e-5 * (1 + table.loc[momentum, "seed"])
    table.loc[momentum, "val/loss"] = table.loc[~momentum, "val/loss"].to_numpy() - tiny
    (pairwise,) = compare(table).same
    assert pairwise.pairs["adjusted"].iloc[0] < 0.001
    assert pairwise.table["rank"].tolist() == [1, 1]
    assert verdict(pairwise).startswith("momentum and sgd tie")


def test_too_few_seeds_are_said_with_the_number_needed() -> None:
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.97}, seeds=4)).same
    needed = pairwise.pairs["needed"].iloc[0]
    assert 4 < needed < 100
    said = "4 seeds cannot decide between 2 options, however far apart they are (adam is first so far): run 6 or more"
    assert verdict(pairwise) == said
    (pairwise,) = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.999}, seeds=10)).same
    assert f"about {pairwise.pairs['needed'].iloc[0]:.0f} seeds would show it" in verdict(pairwise)


def test_differences_are_paired_by_seed() -> None:
    """The noise of a seed is common to both, and ten times the difference."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.9}, noise=1.0)
    for name in ("sgd", "adam"):
        chosen = table["optimizer"] == name
        table.loc[chosen, "val/loss"] = (
            np.arange(SEEDS) + (0.1 if name == "sgd" else 0) + 0.001 * table.loc[chosen, "seed"]
        )
    (pairwise,) = compare(table).same
    assert pairwise.pairs["adjusted"].iloc[0] < 0.001
    apart = table.assign(seed=table["seed"] + 100 * (table["optimizer"] == "adam"))
    (pairwise,) = compare(apart).same
    assert not pairwise.pairs["paired"].iloc[0]
    assert pairwise.pairs["adjusted"].iloc[0] > 0.5


def test_diverged_runs_count_as_the_worst() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    lost = (table["optimizer"] == "adam") & (table["seed"] < 12)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    actual = compare(table)
    (pairwise,) = actual.same
    adam = pairwise.table.set_index("option").loc["adam"]
    assert (adam["finished"], adam["diverged"], adam["planned"]) == (8, 12, 20)
    assert adam["median"] == adam["worst"] == np.inf
    assert adam["mean"] == pytest.approx(0.5, abs=0.2)  # over those that finished
    assert pairwise.table["option"].iloc[0] == "sgd"
    assert pairwise.pairs["better"].iloc[0] == "sgd"
    assert any("adam (12 of 20)" in diagnostic.sentence for diagnostic in actual.diagnostics)


def test_missing_and_failed_runs_stay_in_the_count() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    table.loc[:2, ["outcome", "val/loss"]] = "missing", np.nan
    table.loc[3:4, ["outcome", "val/loss"]] = "failed", np.nan
    actual = compare(table)
    row = actual.groups.set_index("group").loc["sgd"]
    assert [row[item] for item in ("planned", "finished", "failed", "missing")] == [20, 15, 2, 3]
    assert {"Runs are failed in 1 group: sgd (2 of 20)", "Runs are missing in 1 group: sgd (3 of 20)"} <= {
        diagnostic.sentence for diagnostic in actual.diagnostics
    }


def test_pruned_runs_have_no_end() -> None:
    """Neither the worst value nor the one that they were left with, and their absence is said."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    whole = compare(table).groups.set_index("group").loc["adam"]
    table.loc[table["seed"] < 5, ["outcome", "val/loss"]] = "pruned", 9.0
    actual = compare(table)
    row = actual.groups.set_index("group").loc["adam"]
    assert [row[item] for item in ("planned", "finished", "diverged", "pruned", "missing")] == [20, 15, 0, 5, 0]
    assert row["worst"] <= whole["worst"]
    assert actual.same[0].pairs["seeds"].tolist() == [15]
    assert "Runs are pruned in 2 groups: sgd (5 of 20), adam (5 of 20)" in {
        item.sentence for item in actual.diagnostics
    }


def test_accuracy_is_better_when_it_is_larger() -> None:
    table = runs({("sgd", 0.1): 0.8, ("adam", 0.1): 0.6}).rename(columns={"val/loss": "val/accuracy"})
    (pairwise,) = compare(table, metric="val/accuracy").same
    assert pairwise.table["option"].tolist() == ["sgd", "adam"]
    pair, sgd = pairwise.pairs.iloc[0], pairwise.table.iloc[0]
    assert pair["low"] < 0.2 < pair["high"]
    assert sgd["mean_low"] < sgd["mean"] < sgd["mean_high"]
    assert sgd["worst"] == table.loc[table["optimizer"] == "sgd", "val/accuracy"].min()


def test_each_at_its_best_chooses_on_one_half_and_claims_on_the_other() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("adam", 0.1): 0.5, ("adam", 1.0): 0.9})
    actual = compare(table)
    (best,) = actual.best
    rows = best.table.set_index("option")
    assert (best.metric, rows["setting"].to_dict()) == ("test/loss", {"sgd": "lr=1", "adam": "lr=0.1"})
    chosen = (table["optimizer"] == "sgd") & (table["optimizer.lr"] == 1)
    assert rows.loc["sgd", "selected"] == pytest.approx(table.loc[chosen, "val/loss"].mean())
    assert rows.loc["sgd", "mean"] == pytest.approx(table.loc[chosen, "test/loss"].mean())
    assert rows.loc["sgd", "optimism"] == pytest.approx(0)  # the same choice on both halves
    assert rows.loc["sgd", "finished"] == SEEDS
    both, gaps = sentences(actual, BOTH)
    assert gaps.startswith("Tuning makes the gaps vanish: from the first to the last it is 0.0")
    assert both.startswith("The two questions have different answers: adam at lr=0.1; sgd at lr=1")
    assert "adam and sgd cannot be told apart" in both


def test_each_half_judges_the_choice_of_the_other() -> None:
    """Each rate is better on the seeds of one half: what is chosen there is worse on the other."""
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 2.0, ("adam", 1.0): 2.0}, noise=0.001)
    lucky = (table["seed"] % 2 == 0) == (table["optimizer.lr"] == 0.1)
    table["val/loss"] += np.where(lucky, -0.5, 0.5)
    (best,) = compare(table).best
    sgd = best.table.set_index("option").loc["sgd"]
    assert sgd["setting"] == "lr=0.1 or lr=1"
    assert [sgd[name] for name in ("selected", "again", "optimism")] == pytest.approx([0.5, 1.5, 1.0], abs=0.01)
    assert sgd["finished"] == SEEDS


def test_an_unrelated_group_changes_no_other() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    few = compare(runs(levels)).groups
    many = compare(runs(levels | {("adagrad", 0.1): 0.7})).groups
    pd.testing.assert_frame_equal(many[many["option"] != "adagrad"].reset_index(drop=True), few)


def test_param_that_was_swept_is_compared_where_the_optimizer_is_one() -> None:
    actual = compare(runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5}))
    assert actual.question.by == "optimizer.lr"
    assert sentences(actual, "at the same setting")[0].startswith("1 wins")


def test_direction_of_a_metric_is_known_by_its_name() -> None:
    table = runs({("sgd", 0.1): 0.8, ("adam", 0.1): 0.6}).rename(columns={"val/loss": "f1", "test/loss": "speed"})
    assert compare(table, metric="f1", at=[]).same[0].table["option"].tolist() == ["sgd", "adam"]
    with pytest.raises(ConfigError, match="is it better when larger or smaller"):
        compare(table, metric="speed")


def test_results_beside_the_metric_and_repeated_indices_do_no_harm() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).rename(columns={"test/loss": "seconds"})
    parts = [table[table["optimizer"] == name].reset_index(drop=True) for name in ("sgd", "adam")]
    assert compare(pd.concat(parts)).same[0].table["option"].tolist() == ["adam", "sgd"]


def test_param_that_was_not_swept_is_refused_with_those_that_were() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).assign(init="zeros")
    with pytest.raises(ConfigError, match="by=init: has one value only, zeros; swept were optimizer"):
        compare(table, by="init")


def test_what_follows_from_an_option_is_no_setting() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    one, other = runs(levels).assign(init="zeros"), runs(levels).assign(init="normal")
    table = pd.concat([one, other.assign(run="n" + other["run"])])
    table["optimizer._target_"] = "torch.optim." + table["optimizer"]
    assert compare(table, by="init").question.at == ["optimizer"]


def test_only_pairs_with_the_baseline_are_tested() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5, ("adagrad", 0.1): 0.8}
    (pairwise,) = compare(runs(levels), baseline="sgd").same
    assert verdict(pairwise).startswith("against sgd: adam is better by 0.")
    assert verdict(pairwise).endswith("the others were not compared with each other")
    assert all("sgd" in pair for pair in zip(pairwise.pairs["better"], pairwise.pairs["worse"], strict=True))
    assert len(pairwise.pairs) == 2


def test_data_sets_are_compared_each_for_itself() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    one, other = runs(levels, data="iris"), runs(levels, data="wine")
    other["run"] = "w" + other["run"]
    actual = compare(pd.concat([one, other], ignore_index=True))
    assert [pairwise.problem for pairwise in actual.same] == ["iris", "wine"]


def test_one_seed_has_no_interval_and_that_is_said() -> None:
    actual = compare(runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=1))
    assert actual.groups["mean_low"].isna().all()
    assert sentences(actual, "at the same setting")[0].startswith("one seed only: adam has the best value")


def test_all_runs_diverged_is_said() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).assign(outcome="diverged")
    assert sentences(compare(table), "at the same setting") == ["all runs diverged"]


@pytest.mark.parametrize("select", ["last", "best", "auc"])
@pytest.mark.parametrize("metric", ["val/loss", "val/accuracy"])
def test_scores_are_the_objectives_of_the_runs(select: str, metric: str) -> None:
    draw = np.random.default_rng(0)
    table = runs({("sgd", 0.1): 1.0}, seeds=3)
    points = {run: draw.random(4).tolist() for run in table["run"]}
    rows = [(run, metric, 5 * step, step, value) for run, values in points.items() for step, value in enumerate(values)]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    scores = score_runs(table, curves, Metric(metric), select, "optimizer", ())["score"]
    for run, score in zip(table["run"], scores, strict=True):
        result = RunResult("finished", [Point(metric, 5 * step, step, value) for step, value in enumerate(points[run])])
        assert score == pytest.approx(objective(result, metric, select))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"metric": "val/foo"}, "metric=val/foo: was not logged by these runs; there are test/loss, val/loss"),
        ({"by": "foo"}, "by=foo: must be a param of the runs: optimizer, optimizer.lr"),
        ({"at": ["foo"]}, "at=foo: must be a param of the runs"),
        ({"at": []}, "two runs of sgd have the seed 0; name all params that they differ in"),
        ({"select": "first"}, "select=first: must be one of last, best, auc"),
        ({"select": "auc"}, "select=auc: needs the curves of the runs"),
        ({"baseline": "foo"}, "baseline=foo: must be one of adam, sgd"),
        ({"at": "foo"}, "at=foo: must be a param of the runs"),
        ({"by": "seed"}, "by=seed: tells the replicates apart"),
        ({"metrics": "val/loss"}, "metrics=val/loss: there is no such key; there are metric, direction, select, by"),
        ({"target": "low"}, "target=low: must be a number"),
        ({"confidence": 95}, "confidence=95: must be at least 0.5 and less than 1"),
    ],
)
def test_wrong_questions_are_refused(question: dict[str, Any], said: str) -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 0.5})
    with pytest.raises(ConfigError) as error:
        compare(table, **question)
    assert said in str(error.value)


def test_direction_is_that_of_the_ranks_that_are_tested() -> None:
    """adam is a little better in most seeds, and diverges in the others."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.99}, seeds=60, noise=0.0)
    lost = (table["optimizer"] == "adam") & (table["seed"] < 27)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    (pairwise,) = compare(table).same
    assert pairwise.pairs["better"].iloc[0] == "sgd"
    assert verdict(pairwise).startswith("sgd wins: beats adam by ranks, as runs diverged")


def test_crossed_seeds_are_no_independent_replicates() -> None:
    """All variance is of the initialization: five of them, not 25."""
    draw, rows = np.random.default_rng(0), []
    for name in ("sgd", "adam"):
        for init, level in enumerate(draw.normal(size=5)):
            rows += [
                {
                    "run": f"{name}{init}{order}",
                    "optimizer": name,
                    "init_seed": init,
                    "order_seed": order,
                    "val/loss": level,
                }
                for order in range(5)
            ]
    actual = compare(pd.DataFrame(rows))
    assert actual.same[0].pairs["seeds"].tolist() == [5]
    assert "5 seeds cannot decide between 2 options" in sentences(actual, "at the same setting")[0]
    assert any("5 of init count as replicates, not 25" in diagnostic.sentence for diagnostic in actual.diagnostics)
    assert actual.groups["planned"].tolist() == [25, 25]


def test_params_of_the_data_can_be_swept() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    sizes = [runs(levels, data="iris").assign(**{"data.batch_size": size}) for size in (16, 64)]
    table = pd.concat([part.assign(run=part["run"] + str(position)) for position, part in enumerate(sizes)])
    assert [pairwise.name for pairwise in compare(table).same] == ["batch_size=16", "batch_size=64"]


def test_gaps_do_not_vanish_where_runs_did_not_finish() -> None:
    levels = {("sgd", 0.1): 1.0, ("sgd", 1.0): 2.0, ("adam", 0.1): 0.5, ("adam", 1.0): 0.9}
    table = runs(levels)
    table.loc[table["optimizer"] == "sgd", ["outcome", "val/loss"]] = "diverged", np.nan
    assert sentences(compare(table), BOTH) == []


def test_curve_that_ends_in_nan_has_diverged() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=6).drop(columns="outcome")
    rows = [(run, "val/loss", step, step, 0.5 if step < 2 else np.nan) for run in table["run"] for step in range(3)]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    assert compare(table, curves).groups["diverged"].tolist() == [6, 6]


def test_runs_that_diverged_before_the_first_point_never_reach_the_target() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=10)
    lost = (table["optimizer"] == "adam") & (table["seed"] < 6)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    rows = [(run, "val/loss", 1, 0, 0.1) for run in table.loc[~lost, "run"]]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    times = compare(table, curves, target=0.5).times
    assert times.loc[times["option"] == "adam", "reached"].max() == pytest.approx(0.4)


def test_sweep_without_a_single_end_is_said_to_have_none() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 0.5, ("adam", 1.0): 0.5})
    actual = compare(table.assign(outcome="missing", **{"val/loss": np.nan, "test/loss": np.nan}))
    assert set(sentences(actual, "at the same setting")) == {"no run has ended"}


# Doubts


def test_best_rate_at_the_edge_is_doubted_with_where_to_go() -> None:
    rates = (0.01, 0.1, 1.0)
    levels = {("sgd", rate): 1 - 0.1 * position for position, rate in enumerate(rates)}
    actual = compare(runs(levels | {("adam", rate): level for rate, level in zip(rates, (0.9, 0.5, 0.8), strict=True)}))
    edges = [diagnostic for diagnostic in actual.diagnostics if "that was swept" in diagnostic.sentence]
    assert [edge.sentence for edge in edges] == ["The best optimizer.lr is the largest that was swept for sgd (1)"]
    assert edges[0].remedy == "sweep it up to 100"


def test_unequal_seeds_and_searches_are_doubted() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.1, ("adam", 0.1): 0.5})
    said = [diagnostic.sentence for diagnostic in compare(table[:-3]).diagnostics]
    assert "The groups have from 17 to 20 seeds" in said
    assert "More settings were tried of sgd (2) than of adam (1)" in said


def test_momentum_worse_than_what_it_contains_is_doubted() -> None:
    levels = {("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("momentum", 0.1): 1.0, ("momentum", 1.0): 0.8}
    said = [diagnostic.sentence for diagnostic in compare(runs(levels)).diagnostics]
    assert "momentum at its best is worse than sgd, which it contains with momentum=0" in said


def test_curves_still_falling_are_doubted() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=5)
    curves = [
        (run, "val/loss", step, step, 1 / (1 + step) if name == "sgd" else 0.1 + 0.9 * 0.1**step)
        for run, name in zip(table["run"], table["optimizer"], strict=True)
        for step in range(6)
    ]
    actual = compare(table, pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"]))
    (falling,) = [diagnostic for diagnostic in actual.diagnostics if "still getting better" in diagnostic.sentence]
    assert falling.sentence.endswith("with sgd")


# Other findings


def test_time_to_target_is_censored_where_it_was_not_reached() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=4)
    curves = []
    for position, run in enumerate(table["run"]):  # the first three of adam reach it, at steps 1, 2 and 3
        values = np.ones(5)
        if position in (4, 5, 6):
            values[position - 3 :] = 0
        curves += [(run, "val/loss", step, step, value) for step, value in enumerate(values)]
    frame = pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"])
    times = compare(table, frame, target=0.5).times
    adam, sgd = (times[times["option"] == name] for name in ("adam", "sgd"))
    assert adam["reached"].max() == 0.75
    assert adam["median"].iloc[0] == 2
    assert sgd["reached"].max() == 0
    assert sgd["median"].iloc[0] == np.inf


def test_tunability_falls_with_the_budget() -> None:
    rates = (0.01, 0.1, 1.0)
    levels = {("sgd", rate): level for rate, level in zip(rates, (1.0, 0.8, 0.5), strict=True)}
    levels |= {("adam", rate): 0.7 for rate in rates}
    actual = compare(runs(levels, noise=0)).tunability.set_index(["option", "budget"])
    assert actual.loc[("adam", 1), "expected"] == pytest.approx(0.7)
    assert actual.loc[("sgd", 3), "expected"] == pytest.approx(0.5)
    assert actual.loc[("sgd", 1), "expected"] > actual.loc[("sgd", 2), "expected"] > actual.loc[("sgd", 3), "expected"]
    assert actual.loc[("sgd", 3), "best"] == 1
    assert actual.loc[("sgd", 1), "best"] == pytest.approx(1 / 3, abs=0.05)


def test_variance_is_shared_between_the_two_seeds() -> None:
    rows = [
        {"run": f"{name}{i}{o}", "optimizer": name, "init_seed": i, "order_seed": o, "val/loss": float(i)}
        for name in ("sgd", "adam")
        for i in range(4)
        for o in range(3)
    ]
    shares = compare(pd.DataFrame(rows)).shares.set_index("group")
    assert shares.loc["sgd", ["init", "order", "interaction"]].tolist() == [1, 0, 0]


# The notebook


@needs_banknote
def test_notebook_sweep_finds_that_tuning_makes_the_gaps_vanish(train: Callable[..., Ended]) -> None:
    rates = "optimizer.lr=0.001,0.01,0.1,0.316,1,3.16,10"
    sweep = ("-cd", str(ROOT / "sweeps"), "-cn", "notebook", f"data.path={BANKNOTE}", rates, "seed=range(0,50)")
    assert train(*sweep).code == 0
    actual = compare(seedsweep.load_runs("latest"), seedsweep.load_curves("latest"), metric="train/loss")
    order = next(pairwise for pairwise in actual.same if pairwise.name == "lr=0.01").table
    names = [name.removeprefix("keras_") for name in order["option"]]
    assert names[:2] + names[-2:] == ["rmsprop", "adam", "sgd", "adagrad"]
    assert set(names[2:4]) == {"momentum", "nesterov"}
    assert order["rank"].tolist() == [1, 2, 3, 3, 5, 6]
    means = order.set_index("option")["mean"]
    expected = {"keras_rmsprop": 0.154, "keras_adam": 0.222, "momentum": 0.396, "sgd": 0.452, "keras_adagrad": 0.659}
    for name, value in expected.items():
        assert means[name] == pytest.approx(value, abs=0.06)
    (best,) = actual.best
    assert best.table["mean"].max() - best.table["mean"].min() < 0.006
    assert best.table["mean"].max() < 0.04
    assert "Tuning makes the gaps vanish" in sentences(actual, BOTH)[-1]


def test_python_of_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "comparing.md").read_text(), re.DOTALL)
    exec(compile(code, "comparing.md", "exec"), {})
    assert "adam wins: beats sgd by 0." in capsys.readouterr().out
