"""`hydra/sweeper=until_sure`: every combination of the overrides gets seeds until it is sure which option wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn

from hydra_plugins.seedsweep.grid import GridSweeper
from seedsweep import plugin


@dataclass
class UntilSureSweeperConf:
    """Keys of the sweeper.

    Every cell (an option at one setting) gets `first_seeds`, then those that may still be the best get
    `seeds_per_round` more, until an option wins with that `confidence`, options tie within the `margin` (a fraction of
    the leader's mean), or `max_seeds` are spent. `test` is `betting`, which may be looked at any time and goes on with
    more `max_seeds`, or `strict`, a group-sequential test. `metric` is judged, null: that of the objective; `by` names
    the param of the options, null: the optimizer, or the first one that is swept. Seeds count from `first_seed`, null:
    from 0, or the first that no earlier sweep of these cells has seen; the winner and the runner-up get `confirm_seeds`
    fresh ones. `params` are swept besides the command's.
    """

    _target_: str = "hydra_plugins.seedsweep.until_sure.UntilSureSweeper"
    first_seeds: int = 10
    seeds_per_round: int = 5
    max_seeds: int = 100
    confidence: float = 0.95
    margin: float = 0.01
    test: str = "betting"
    metric: str | None = None
    by: str | None = None
    first_seed: int | None = None
    confirm_seeds: int = 10
    params: dict[str, str] | None = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/sweeper", name="until_sure", node=UntilSureSweeperConf, provider="seedsweep")


class UntilSureSweeper(GridSweeper):
    """Asks for the runs of the next seeds, has the launcher train them, and stops when the answer is sure."""

    def __init__(self, params: dict[str, str] | None = None, **keys: Any):
        super().__init__(max_batch_size=None, params=params)
        self.keys = keys

    def sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        with plugin.shown_by_hydra():
            if not plugin.is_tracked(self.config):
                allowed = "needs an application with a group tracking, whose runs return what is compared"
                raise plugin.ConfigError("hydra/sweeper", "until_sure", allowed)
            return self._sweep(arguments)

    def _sweep(self, arguments: list[str]) -> Sequence[Sequence[JobReturn]]:
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        compose, cells = plugin.compose_jobs(self.hydra_context.config_loader, self.config), self.jobs(arguments)
        purchase = plugin.open_purchase(self.keys, cells, compose, self.config)
        folder, name = plugin.sweep_folder(self.config), plugin.sweep_name(self.config)
        jobs, tags = purchase.ask(), plugin.purchase_tags(purchase, self.keys)
        about = (purchase.labels, purchase.most_runs, tags)
        with plugin.open_sure_sweep(name, jobs, compose, folder, *about) as sweep:
            self.record = sweep.record
            task = sweep.member(self.task_function)
            self.launcher.setup(hydra_context=self.hydra_context, task_function=task, config=self.config)
            with plugin.workers_of(self.launcher):
                self._buy(purchase, jobs, sweep)
        plugin.show_purchase(sweep, purchase)
        return list(sweep.returns)

    def _buy(self, purchase: Any, jobs: Any, sweep: Any) -> None:
        """Launch the jobs of each round, of which these are the first, until no more are asked for."""
        assert self.launcher is not None
        while jobs:
            for first, launched in sweep.rounds(jobs):
                sweep.returns.append(self.launcher.launch(launched, initial_job_idx=first))
            values = sweep.values()
            if sweep.failure():  # of all: what the body's end raises
                break
            purchase.tell(values)
            plugin.record_purchase(sweep, purchase)
            if jobs := purchase.ask():
                sweep.add(jobs)
