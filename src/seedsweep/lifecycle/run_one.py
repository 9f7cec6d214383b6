"""What one Hydra job does: check its configuration, train it, record it, and return its objective."""

import signal
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.additions import added, check_additions
from seedsweep.config.completeness import Config, resolve
from seedsweep.config.hydra_errors import shown_by_hydra
from seedsweep.config.hydra_files import mask_passwords
from seedsweep.config.overrides import as_typed, parse_override
from seedsweep.config.planned_run import PlannedRun, plan_run
from seedsweep.engine.built_run import BuiltRun, build
from seedsweep.engine.fleet.of_one import train_one, trains_in_fleet
from seedsweep.engine.validation import check
from seedsweep.lifecycle.progress import training_alone
from seedsweep.lifecycle.signals import Stop, on_signal
from seedsweep.outcomes import Point, RunResult, objective
from seedsweep.problem.factories import Data, data, describe
from seedsweep.report.console import print_interrupted, print_run
from seedsweep.tracking.run_writer import record_run

if TYPE_CHECKING:
    from seedsweep.engine.curves import PruneRun


@shown_by_hydra()
def run(config: DictConfig) -> float:
    """Train and record one run; what the training raises is raised after it has been recorded as failed.

    Args:
        config: composed by Hydra.

    Returns:
        The value of its `objective`, the worst one if it diverged.

    Raises:
        ConfigError: the configuration is wrong; nothing has been recorded by then.
    """
    sweeping = HydraConfig.initialized() and "MULTIRUN" in str(HydraConfig.get().mode)
    left = "nothing had been trained"
    mask_passwords()
    try:
        plain = resolve(config)
        _check_additions(config)
        splits = check(plain)
        planned = _plan(plain, splits)
        left = "what had been trained is recorded" if plain["tracking"]["uri"] else "nothing is kept"
        engine = "fleet" if not sweeping and trains_in_fleet(plain) else "lightning"
        job = build(plain) if engine == "lightning" else None
        record = record_run(plain["tracking"], planned, engine, splits.fingerprint, splits.notes)
        if job is None:
            value, result = _train_in_fleet(plain, record)
        else:
            job.trainer.setdefault("enable_progress_bar", not sweeping)
            value, result = train_alone(plain, job, record)
    except KeyboardInterrupt:
        if sweeping:
            raise
        print_interrupted(left)
        raise SystemExit(130) from None
    if not sweeping:
        print_run(planned, result, plain["tracking"]["uri"], record.page)
    return value


def _train_in_fleet(config: Config, record: Any) -> tuple[float, RunResult]:
    stop = Stop()

    def publish(points: list[Point]) -> None:
        with stop.later():
            record.publish(points)

    with on_signal(signal.SIGTERM, stop), on_signal(signal.SIGINT, stop), record:
        with training_alone(config["trainer"]["max_epochs"]) as advance:
            result = train_one(config, publish if record.publish else None, advance)
        value = objective(result, **config["objective"])
        with stop.later():
            record.finish(result, describe(config, data(config)))
    return value, result


def train_alone(config: Config, job: BuiltRun, record: Any, prune: "PruneRun | None" = None) -> tuple[float, RunResult]:
    """Train a run by the reference engine, and have it kept.

    Args:
        config: of the run, plain and checked.
        job: made of it.
        record: what `record_run` gives, before it is entered.
        prune: gets the points of every epoch, and says whether the training ends there.

    Returns:
        Its objective and its result.
    """
    with record:
        result = job.train(record.publish, prune)
        value = objective(result, **config["objective"])
        record.finish(result, job.network)
    return value, result


def _check_additions(config: DictConfig) -> None:
    """Refuse keys that were added on the command line and that nothing uses."""
    if not (HydraConfig.initialized() and GlobalHydra.instance().is_initialized()):
        return
    hydra: Any = HydraConfig.get()
    if additions := added([*as_typed(hydra.overrides.hydra), *as_typed(hydra.overrides.task)]):
        check_additions(additions, config, hydra, GlobalHydra.instance().config_loader())


def _plan(config: Config, splits: Data) -> PlannedRun:
    """How the run will be known, by what Hydra says of the job where there is one."""
    if not HydraConfig.initialized():
        return plan_run(config, {}, (), splits.fingerprint)
    hydra = HydraConfig.get()
    labels = config["tracking"]["labels"]
    if labels is None:
        labels = [parse_override(override).param for override in as_typed(hydra.overrides.task)]
    number = 0 if OmegaConf.is_missing(hydra.job, "num") else config["tracking"].get("job", hydra.job.num)
    return plan_run(config, hydra.runtime.choices, labels, splits.fingerprint, number)
