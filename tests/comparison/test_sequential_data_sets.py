"""Several data sets: an answer for each and one over all, from the same rounds."""

import numpy as np
import pytest

from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_data_sets import SequentialDataSets
from seedsweep.errors import ConfigError

OPTIONS = ["a", "a", "b", "b"]


def bought(means: dict[str, list[float]], units: dict[str, float] | None = None, seed: int = 0) -> SequentialDataSets:
    """A sweep to its end; the differences of equal seeds have a standard deviation of one unit."""
    draw = np.random.default_rng(seed)
    sweep = SequentialDataSets(OPTIONS, list(means), margin=0)
    while seeds := len(sweep.next_seeds):
        losses: dict[str, Array] = {}
        for name, of_cells in means.items():
            values = np.array(of_cells)[:, None] + draw.normal(0, 0.5**0.5, (4, seeds)) + draw.normal(size=seeds)
            wanted = np.isin(np.arange(4), sweep.next_cells[name])
            losses[name] = np.where(wanted[:, None], values * (units or {}).get(name, 1), np.nan)
        sweep.observe(losses)
    return sweep


def test_each_data_set_and_all_together_have_an_answer() -> None:
    sweep = bought({"x": [0, 3, 1, 4], "y": [0, 3, 1.2, 4], "z": [0, 3, 1.1, 4]})
    assert [sequential.decision for sequential in sweep.each.values()] == [("wins", ("a",))] * 3
    assert sweep.overall.decision == ("wins", ("a",))


def test_over_all_is_sure_where_no_data_set_is() -> None:
    means = {name: [0, 3, 0.3, 4] for name in "vwxyz"}
    sweep = bought(means, seed=1)
    assert sweep.overall.decision == ("wins", ("a",))
    assert any(sequential.decision != ("wins", ("a",)) for sequential in sweep.each.values())


def test_no_data_set_counts_more_for_its_units() -> None:
    means = {"x": [0, 3, 1, 4], "y": [0, 3, 0.4, 4]}
    plain, changed = bought(means), bought(means, {"x": 1000.0})
    assert changed.overall.state.evidence == pytest.approx(plain.overall.state.evidence)
    assert changed.runs == plain.runs


def test_a_cell_gets_seeds_where_it_lives_there_or_over_all() -> None:
    sweep = SequentialDataSets(OPTIONS, ["x", "y"], margin=0)
    draw = np.random.default_rng(3)
    for start, end in ((0, 10), (10, 15)):
        assert sweep.next_seeds == range(start, end)
        noise = 0.1 * draw.normal(size=(2, 4, end - start))
        sweep.observe({"x": noise[0] + np.array([[0], [5], [5], [5]]), "y": noise[1]})
    assert sweep.each["x"].decision == ("wins", ("a",))
    assert sweep.next_cells == {"x": (0, 1, 2, 3), "y": (0, 1, 2, 3)}, "over all two bets have been laid"
    assert sweep.runs == 2 * 4 * 15


def test_one_diverged_run_of_many_data_sets_is_not_all() -> None:
    sweep = SequentialDataSets(OPTIONS, ["x", "y"], margin=0)
    sweep.observe({name: np.random.default_rng(4).normal(size=(4, 10)) for name in "xy"})
    second = {name: np.zeros((4, 5)) for name in "xy"}
    second["x"][1, 2] = np.inf
    _, state = sweep.observe(second)
    assert np.isfinite(state.evidence).all()
    assert state.seeds == 5


def test_one_data_set_or_one_round_is_refused() -> None:
    with pytest.raises(ConfigError, match="data_sets"):
        SequentialDataSets(OPTIONS, ["x"])
    with pytest.raises(ConfigError, match="max_seeds=10: must be above first_seeds=10"):
        SequentialDataSets(OPTIONS, ["x", "y"], max_seeds=10)
    with pytest.raises(ValueError, match="4 cells x 10 seeds"):
        SequentialDataSets(OPTIONS, ["x", "y"]).observe({name: np.zeros((4, 5)) for name in "xy"})
