"""What a reader of a comparison should know before believing it: each diagnostic a sentence, with its remedy."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seedsweep.comparison.analyses import leading
from seedsweep.comparison.data_sets import answers, with_one_option
from seedsweep.comparison.diagnostic import Diagnostic, shortened
from seedsweep.comparison.evidence import diagnose_evidence
from seedsweep.comparison.lost_runs import label, lost_runs
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.problems import data_params
from seedsweep.metrics import Metric
from seedsweep.outcomes import STOPPED_EPOCH

FALLING = 0.02  # of what was gained in the whole training, gained in the last tenth of it
CONTAINED = {"momentum": "sgd", "nesterov": "sgd"}  # with a momentum of 0 these are the other
ENOUGH_SEEDS = 6  # fewer cannot show any difference
WEIGHTS = "data.class_weights"


def diagnose(
    scored: pd.DataFrame,
    groups: pd.DataFrame,
    same: Sequence[PairwiseComparison],
    best: Sequence[PairwiseComparison],
    bands: pd.DataFrame,
    metric: Metric,
    varied: Sequence[str],
) -> list[Diagnostic]:
    """The diagnostics of a comparison.

    Args:
        scored: of the runs, see `score_runs`.
        groups: see `describe_groups`.
        same: the pairwise comparisons at the same setting.
        best: those of the options, each at its best setting.
        bands: the mean curves.
        metric: that is compared.
        varied: the param that is compared, and those that were swept.

    Returns:
        The gravest first: runs that were lost, then the evidence behind the answers, then how the sweep was laid out,
        then what a longer one would show.
    """
    of_each = answers(same, best)
    diagnostics = [*_other_losses(metric, varied), *lost_runs(groups, of_each), *diagnose_evidence(of_each)]
    chosen = _chosen(groups, best, metric)
    diagnostics += [*_edges(scored, chosen, groups, varied[1:]), *_unequal(scored, groups)]
    diagnostics += [*_crossed(scored), *_contained(best), *(_alone(groups) if len(of_each) == 1 else [])]
    return diagnostics + list(_falling(bands, chosen, groups, metric))


def origins(sweeps: Sequence[Mapping[str, str]]) -> Iterator[Diagnostic]:
    """What differs between runs of several origins.

    Args:
        sweeps: of each sweep what it was made with, such as its commit, by name.

    Returns:
        A diagnostic for each name whose values differ.
    """
    for name in dict.fromkeys(name for sweep in sweeps for name in sweep):
        values = {sweep.get(name, "unknown") for sweep in sweeps}
        if len(values) > 1:
            yield Diagnostic(
                f"The sweeps differ in their {name}: {shortened(sorted(values))}", "run them again with the same"
            )


def data_versions(runs: pd.DataFrame) -> Iterator[Diagnostic]:
    """Runs whose data is not the same, though all that chooses it is.

    Args:
        runs: a row a run, with the `fingerprint` of its data.

    Returns:
        At most one diagnostic.
    """
    params = data_params(runs)
    fingerprinted = runs.dropna(subset="fingerprint")
    if params and (fingerprinted.groupby(params, dropna=False)["fingerprint"].nunique() > 1).any():
        sentence = "The runs were trained on several versions of the same data, which are not compared with each other"
        yield Diagnostic(sentence, "run them again on the newest")


def _chosen(groups: pd.DataFrame, best: Sequence[PairwiseComparison], metric: Metric) -> pd.DataFrame:
    """The best group of each option and data set, those that were compared where options were at their best."""
    compared = {
        (answer.problem, option, setting)
        for answer in best
        for option, setting in zip(answer.table["option"], answer.table["setting"], strict=True)
    }
    keys = pd.Series(list(zip(groups["problem"], groups["option"], groups["setting"], strict=True)), groups.index)
    others = leading(groups[~groups["problem"].isin([answer.problem for answer in best])], metric)
    return pd.concat([groups[keys.isin(compared) & (groups["finished"] > 0)], others])


def _other_losses(metric: Metric, varied: Sequence[str]) -> Iterator[Diagnostic]:
    """Losses of which each is weighted in its own way."""
    if WEIGHTS in varied and metric.endswith("loss"):
        yield Diagnostic(
            f"{metric} is weighted by {WEIGHTS}, which was swept: the losses of other weights are not comparable",
            "compare by a metric of all rows, such as val/accuracy, or balanced_accuracy (metrics=[balanced_accuracy])",
        )


def _edges(
    scored: pd.DataFrame, chosen_groups: pd.DataFrame, groups: pd.DataFrame, at: Sequence[str]
) -> Iterator[Diagnostic]:
    """Options whose best setting lies at the end of what was swept; not at the largest, where runs diverge already."""
    at_edges: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for _, row in chosen_groups.iterrows():
        of_option = scored[(scored["problem"] == row["problem"]) & (scored["option"] == row["option"])]
        for name in (name for name in at if pd.api.types.is_numeric_dtype(scored[name])):
            values = np.sort(of_option[name].dropna().unique())
            chosen = float(of_option.loc[of_option["group"] == row["group"], name].iloc[0])
            if len(values) > 1 and chosen and chosen in (values[0], values[-1]):  # there is nothing below 0
                largest = chosen == values[-1]
                if largest and row["diverged"]:
                    continue
                beyond = np.nan
                if name.endswith(".lr") and values[0] > 0:
                    step = values[-1] / values[-2] if largest else values[0] / values[1]
                    beyond = chosen * min(max(step**2, 0.01), 100)
                at_edges.setdefault((name, "largest" if largest else "smallest"), []).append(
                    (f"{label(row, groups, 'option')} ({chosen:.6g})", beyond)
                )
    for (name, end), options in at_edges.items():
        further = max(beyond for _, beyond in options) if end == "largest" else min(beyond for _, beyond in options)
        to = f" {'up' if end == 'largest' else 'down'} to {float(f'{further:.1g}'):g}" if np.isfinite(further) else ""
        sentence = f"The best {name} is the {end} that was swept for {shortened([who for who, _ in options])}"
        yield Diagnostic(sentence, f"sweep it{to or ' further'}")


def _unequal(scored: pd.DataFrame, groups: pd.DataFrame) -> Iterator[Diagnostic]:
    """Unequal or few seeds, and unequal numbers of settings."""
    for problem, of_problem in scored.groupby("problem", sort=False):
        seeds = of_problem.groupby("group", sort=False)["seed"].agg(frozenset)
        where = f" on {problem}" if scored["problem"].nunique() > 1 else ""
        if seeds.nunique() > 1:
            counts = sorted(set(map(len, seeds)))
            sizes = f"from {counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else "not the same seeds"
            yield Diagnostic(
                f"The groups{where} have {sizes}", "give all the same seeds, so that they are compared in pairs"
            )
        elif len(seeds.iloc[0]) < ENOUGH_SEEDS:
            few = f"Each group{where} has {len(seeds.iloc[0])} seed{'s' * (len(seeds.iloc[0]) > 1)} only"
            yield Diagnostic(few, "run ten or more: seed=range(0,10)")
    for problem, of_problem in groups.groupby("problem", sort=False):
        tried = of_problem.groupby("option", sort=False)["setting"].nunique()
        if tried.nunique() > 1:
            most, least = (f"{option} ({tried[option]})" for option in (str(tried.idxmax()), str(tried.idxmin())))
            where = f" on {problem}" if groups["problem"].nunique() > 1 else ""
            sentence = f"More settings were tried of {most} than of {least}{where}"
            yield Diagnostic(
                sentence, "more tries find better ones by luck: try as many of each, or see the tunability"
            )


def _crossed(scored: pd.DataFrame) -> Iterator[Diagnostic]:
    """Runs that share an initialization or an order with others."""
    if (scored["replicate"] != scored["seed"]).any():
        count, runs = scored["replicate"].nunique(), scored["seed"].nunique()
        what = str(scored["replicate"].iloc[0]).split("=")[0]
        sentence = (
            f"init_seed and order_seed were swept against each other: {count} of {what} count as replicates, not {runs}"
        )
        yield Diagnostic(sentence, "to compare options sweep seed, which sets both")


def _alone(groups: pd.DataFrame) -> Iterator[Diagnostic]:
    """Data sets of one option, where so few have several that there is no table over them to say so."""
    names = [f"{problem} ({option} only)" for problem, option in with_one_option(groups).items()]
    if names:
        sentence = f"Nothing is compared on {shortened(names)}"
        yield Diagnostic(sentence, "run the other options there, too, or leave it out by filter")


def _contained(best: Sequence[PairwiseComparison]) -> Iterator[Diagnostic]:
    """Options that are worse than another which they contain."""
    for pairwise in best:
        sure = pairwise.pairs[pairwise.pairs["apart"]]
        for better, worse in zip(sure["better"], sure["worse"], strict=True):
            if CONTAINED.get(worse) == better:
                where = f" on {pairwise.problem}" if len(best) > 1 else ""
                sentence = f"{worse} at its best is worse{where} than {better}, which it contains with momentum=0"
                yield Diagnostic(sentence, "the search is too small: sweep optimizer.momentum and more rates")


def _falling(
    bands: pd.DataFrame, chosen_groups: pd.DataFrame, groups: pd.DataFrame, metric: Metric
) -> Iterator[Diagnostic]:
    """Options whose best group was still getting better when its training ended."""
    names = []
    for _, row in chosen_groups.iterrows():
        of_group = (bands["problem"] == row["problem"]) & (bands["group"] == row["group"])
        curve = bands[of_group & (bands["metric"] == metric)].sort_values("step")
        loss = metric.as_loss(curve["mean"]).to_numpy()
        stopped = bands.loc[of_group & (bands["metric"] == STOPPED_EPOCH), "n"]
        if len(loss) < 3 or stopped.max() == curve["n"].iloc[-1]:  # all of them ended by their own rule
            continue
        late = loss[np.searchsorted(curve["step"], 0.9 * curve["step"].iloc[-1], side="right") - 1]
        before = loss[-2] if late == loss[-1] else late
        if before - loss[-1] > FALLING * (loss.max() - loss.min()):
            names.append(label(row, groups, "option"))
    if names:
        yield Diagnostic(
            f"{metric} was still getting better at the end with {shortened(names)}", "train longer: trainer.max_epochs"
        )
