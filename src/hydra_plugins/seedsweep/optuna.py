"""`hydra/sweeper=optuna`: a search by Optuna, in the language of hydra-optuna-sweeper, whose trials go over seeds."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import MISSING, DictConfig, OmegaConf

from seedsweep import plugin

log = logging.getLogger("seedsweep.sweeper")
RESULTS = "optimization_results.yaml"


@dataclass
class OptunaSweeperConf:
    """Keys of hydra-optuna-sweeper, with its meaning and its defaults, then those that are seedsweep's own.

    `seeds` (a number or a list) runs every trial with each of them and tells Optuna the `aggregate` (mean, median,
    worst, or mean_sd: the mean plus `risk` standard deviations); null runs it once, as it is. The best `confirm` trials
    are run again with `confirm_seeds` fresh seeds, by default as many as `seeds`; where `confirm_max_seeds` is given,
    five more a round follow until it is sure which of them wins, or they have so many. `per` names a key, such as
    optimizer, each of whose options gets a study of its own, or so many independent `studies`, with `n_trials` each.
    """

    _target_: str = "hydra_plugins.seedsweep.optuna.OptunaSweeper"
    _recursive_: bool = False  # the sampler is made once the space is known
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}, {"pruner": "none"}])
    sampler: Any = MISSING
    direction: Any = "minimize"
    storage: Any = None
    study_name: str | None = None
    n_trials: int = 20
    n_jobs: int = 2
    max_failure_rate: float = 0.0
    search_space: Any = None
    params: Any = field(default_factory=dict)
    custom_search_space: str | None = None
    pruner: Any = MISSING
    seeds: Any = None
    aggregate: str = "mean"
    risk: float = 1.0
    confirm: int = 5
    confirm_seeds: int | None = None
    confirm_max_seeds: int | None = None
    per: str | None = None
    studies: int = 1


# null leaves a key to Optuna; the keys are those of hydra-optuna-sweeper and of the newer samplers
SAMPLERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tpe": (
        "TPESampler",
        (
            *("seed", "consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"),
            *("n_startup_trials", "n_ei_candidates", "multivariate", "group", "constant_liar"),
            "warn_independent_sampling",
        ),
    ),
    "random": ("RandomSampler", ("seed",)),
    "grid": ("GridSampler", ("seed",)),
    "cmaes": (
        "CmaEsSampler",
        (
            *("seed", "x0", "sigma0", "n_startup_trials", "independent_sampler", "warn_independent_sampling"),
            *("consider_pruned_trials", "restart_strategy", "popsize", "inc_popsize", "use_separable_cma"),
            *("with_margin", "lr_adapt", "source_trials"),
        ),
    ),
    "nsgaii": (
        "NSGAIISampler",
        ("seed", "population_size", "mutation_prob", "crossover_prob", "swapping_prob", "constraints_func"),
    ),
    "nsgaiii": (
        "NSGAIIISampler",
        (
            *("seed", "population_size", "mutation_prob", "crossover_prob", "swapping_prob", "constraints_func"),
            "dividing_parameter",
        ),
    ),
    "motpe": (
        "MOTPESampler",
        (
            *("seed", "consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"),
            *("n_startup_trials", "n_ehvi_candidates"),
        ),
    ),
    "qmc": ("QMCSampler", ("seed", "qmc_type", "scramble", "independent_sampler", "warn_independent_sampling")),
    "gp": ("GPSampler", ("seed", "independent_sampler", "n_startup_trials", "deterministic_objective")),
}
PRUNERS: dict[str, dict[str, Any]] = {
    "none": {"_target_": None},
    "median": {
        "_target_": "optuna.pruners.MedianPruner",
        "n_startup_trials": 5,
        "n_warmup_steps": 0,
        "interval_steps": 1,
    },
    "hyperband": {
        "_target_": "optuna.pruners.HyperbandPruner",
        "min_resource": 1,
        "max_resource": "auto",
        "reduction_factor": 3,
    },
    "halving": {
        "_target_": "optuna.pruners.SuccessiveHalvingPruner",
        "min_resource": "auto",
        "reduction_factor": 4,
    },
    "wilcoxon": {
        "_target_": "seedsweep.wilcoxon.WilcoxonSeedsPruner",
        "p_threshold": 0.1,
        "n_startup_trials": 2,
    },
    "patient": {
        "_target_": "optuna.pruners.PatientPruner",
        "wrapped_pruner": {"_target_": "optuna.pruners.MedianPruner"},
        "patience": 2,
        "min_delta": 0.0,
    },
}


def _register() -> None:
    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="optuna", node=OptunaSweeperConf, provider="seedsweep")
    for name, (kind, keys) in SAMPLERS.items():
        node = {"_target_": f"optuna.samplers.{kind}", **dict.fromkeys(keys)}
        node |= {"_partial_": True} if name == "grid" else {}  # as in hydra-optuna-sweeper
        store.store(group="hydra/sweeper/sampler", name=name, node=node, provider="seedsweep")
    for name, keys_of in PRUNERS.items():
        store.store(group="hydra/sweeper/pruner", name=name, node=keys_of, provider="seedsweep")


_register()


class OptunaSweeper(Sweeper):
    """Asks Optuna for trials, has the launcher run them, tells Optuna what came of them, and says what is best."""

    hydra_context: HydraContext
    config: DictConfig

    def __init__(self, **keys: Any):
        self.keys: dict[str, Any] = {key: _plain(value) for key, value in keys.items()}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.launched = 0
        self.record: Any = None  # what the store has of the sweep

    def sweep(self, arguments: list[str]) -> None:
        with plugin.shown_by_hydra():
            self._sweep(arguments)

    def _sweep(self, arguments: list[str]) -> None:
        loader, tracked = self.hydra_context.config_loader, plugin.is_tracked(self.config)
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(arguments)
        search = plugin.open_search(self.keys, overrides, loader, self.config)
        plugin.sweep_folder(self.config)
        jobs = search.ask()
        again = [] if jobs or not tracked else plugin.unfinished_jobs(search, self.config.tracking.uri)
        sweep = self._track(search, jobs or again, bool(again)) if (jobs or again) and tracked else None
        if not tracked:
            self._run(search, jobs)
        results, confirmed = plugin.search_results(search)
        OmegaConf.save(OmegaConf.create(results), Path(self.config.hydra.sweep.dir) / RESULTS)
        if tracked:
            plugin.record_search(sweep, search, confirmed, self.config.tracking.uri)

    def _track(self, search: Any, jobs: Any, is_told: bool = False) -> Any:
        """The search as a sweep, to whose plan the jobs of every round are added, when it is over.

        Of one whose sweep was killed when it had told the search everything, the jobs are some that it has.
        """
        compose = plugin.compose_jobs(self.hydra_context.config_loader, self.config)
        name, folder = plugin.sweep_name(self.config), Path(self.config.hydra.sweep.dir)
        labels, tags = search.labels(jobs), plugin.search_tags(search)
        about = (search.expected, tags, search.pruning is not None)
        opened = plugin.open_search_sweep(name, jobs, compose, folder, labels, *about)
        with opened as sweep:
            self.record = sweep.record
            task = sweep.member(self.task_function, search.pruning)
            self.launcher.setup(hydra_context=self.hydra_context, task_function=task, config=self.config)
            if search.pruning and getattr(self.launcher, "batched", None) is None:
                log.warning("no trial is pruned by this launcher, which has other processes: hydra/launcher=fleet does")
            if is_told:
                self._values(jobs, sweep)
            else:
                self._run(search, jobs, sweep)
        return sweep

    def _run(self, search: Any, jobs: Any, sweep: Any = None) -> None:
        """Launch the jobs of each round, of which these are the first, until the search asks for no more."""
        with plugin.workers_of(self.launcher):
            while jobs:
                search.tell(self._values(jobs, sweep))
                jobs = search.ask()
                if sweep and jobs:
                    sweep.add(jobs)
                    plugin.record_round(sweep, search)

    def _values(self, jobs: Any, sweep: Any) -> list[Any]:
        """What jobs return, or the exceptions that end them; what a sweep has in the store is not launched."""
        if sweep:
            for first, launched in sweep.rounds(jobs):
                sweep.returns.append(self.launcher.launch(launched, initial_job_idx=first))
            return list(sweep.values())
        returns = self.launcher.launch(jobs, initial_job_idx=self.launched)
        self.launched += len(jobs)
        return [job._return_value for job in returns]  # return_value would print and raise


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
