"""What the names of columns say, as people choose them: seeds, folds, params, times, data sets."""

import re
from collections.abc import Iterable

_SEED = re.compile(r"random_?state|(^|_)rng(_|$)|seed$|^seed|_seed_")
_SEED_OF_ROWS = re.compile(r"split|fold|^n(um)?_|count")  # other rows are another question; a number of seeds is none
_REPLICATE = re.compile(r"^(rep|repeat|repetition|replicate|replication|run)s?(_?(id|idx|index|no|number))?$")
_FOLD = re.compile(r"(^|_)folds?(_?(id|idx|index|no|number))?$")
_TIME = re.compile(
    r"(^|_)(time|walltime|wall|duration|seconds|secs?|minutes|hours|elapsed|runtime|timestamp|memory|mem|created|started"
    r"|ended|finished|date|datetime)(_|$)"
)
_ABOUT = re.compile(
    r"(^|_)(host|hostname|node|machine|user|username|pid|port|uuid|path|dir|directory|folder|url|commit|sha|notes)$"
)
_NAMES = re.compile(r"^(name|run|run_?name|run_id|id|experiment_id|job|job_id|trial|trial_id|index)$")
_OPTIMIZER = re.compile(r"(^|_)(optim|optimi[sz]er|opt)(_(name|type|class|cls|kind))?$")
_METHOD = re.compile(r"^(method|algorithm|algo|solver|approach|variant|model|architecture|arch|network)$")
_PARAM = re.compile(
    r"(^|_)(lr|learning_?rate|eta|alpha|beta\d?|betas|gamma|eps(ilon)?|momentum|weight_?decay|wd|decay|dropout|bs"
    r"|batch_?size|l1|l2|lambda|reg|temperature|width|depth|hidden|layers|units|heads|warmup|clip|scheduler?)(_|$)"
)
_PROBLEM = ("data.name", "data", "dataset", "data_set", "dataset_name", "task", "problem", "benchmark")
_STEPS = ("step", "global_step", "_step", "iteration", "iter")
_EPOCHS = ("epoch",)
OUTCOME = ("outcome", "status", "state")
OUTCOMES = {
    "finished": "finished completed complete success succeeded done ok",
    "failed": "failed failure crashed killed error canceled cancelled",
    "missing": "missing running scheduled pending queued preempted",
    "diverged": "diverged nan",
    "pruned": "pruned stopped",
}


def plain(name: str) -> str:
    """The name in lower case, its words separated by single underscores: `Val/Loss` is `val_loss`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def names_seed(name: str) -> bool:
    """Whether a name is that of a seed: `seed`, `random_state`, `model.seed`, `seed_everything`, …"""
    return bool(_SEED.search(plain(name))) and not _SEED_OF_ROWS.search(plain(name))


def names_replicate(name: str) -> bool:
    """Whether it may count the runs of a setting, as `rep` does."""
    return bool(_REPLICATE.search(plain(name)))


def names_fold(name: str) -> bool:
    """Whether it is a fold of cross-validation, which is no seed."""
    return bool(_FOLD.search(plain(name)))


def names_time(name: str) -> bool:
    """Whether it says when, how long, or how much of a machine: measured, and no param."""
    return name.lower() in (*_STEPS, *_EPOCHS) or bool(_TIME.search(plain(name)))


def names_run(name: str) -> bool:
    """Whether it names a run or says where it ran."""
    return bool(_NAMES.search(plain(name)) or _ABOUT.search(plain(name)))


def names_param(name: str) -> bool:
    """Whether it is surely a param, however many values it has: `lr`, `batch_size`, `optimizer`, …"""
    return any((_PARAM.search(plain(name)), names_optimizer(name), names_method(name)))


def names_optimizer(name: str) -> bool:
    """Whether its values are optimizers."""
    return bool(_OPTIMIZER.search(plain(name)))


def names_method(name: str) -> bool:
    """Whether its values are methods or models, which people compare."""
    return bool(_METHOD.search(plain(name)))


def named_problem(names: Iterable[str]) -> list[str]:
    """Those of the names that tell data sets apart, the surest first."""
    names = list(names)
    return [name for wanted in _PROBLEM for name in names if name.lower() == wanted]


def named_step(names: Iterable[str]) -> str | None:
    """The column that counts the steps of a curve."""
    return _first(names, _STEPS)


def named_epoch(names: Iterable[str]) -> str | None:
    """The column that counts its epochs."""
    return _first(names, _EPOCHS)


def _first(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    lowered = {name.lower(): name for name in reversed(list(names))}
    return next((lowered[name] for name in wanted if name in lowered), None)
