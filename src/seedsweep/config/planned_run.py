"""What a run is called and known by, before it is trained: configurations in, `PlannedRun`s out."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedsweep import __version__
from seedsweep.caching import cached

SEEDS = ("seed", "init_seed", "order_seed")
PROBLEM, PROBLEM_NAME = "data", "data.name"  # the params by which sweeps over several data sets fall apart
OPTIMIZER = "optimizer._target_"  # given, the optimizer is no longer the one that was chosen
NOT_CHOSEN = ("hydra/", "tracking")  # groups whose option says nothing of what is trained
INDIFFERENT = (  # to what is trained
    *("seed", "data.name", "data.path", "model.name"),
    *("trainer.log_every_n_steps", "trainer.engine", "trainer.max_members", "trainer.suboptimality"),
)
SEARCH = "search"  # of an optimizer: what a search looks through, which says nothing of what is trained
UNTRAINED = f"optimizer.{SEARCH}."
LONGEST = 6000  # characters of a param that MLflow takes
RECORDING = ("tracking", "experiment", "objective", "compare", "batched")  # how a run is launched, recorded and judged


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a plan: `job` is its place in it, `group` its name without seeds, `key` a hash of what is trained.

    `parts` are its params in parts that it shares with other runs, so that many take little memory.
    """

    job: int
    name: str
    group: str
    key: str
    experiment: str
    parts: tuple[Mapping[str, str], ...]

    @property
    def params(self) -> dict[str, str]:
        """The options by their group's name, and every value by its key."""
        return _merged(self.parts)

    @property
    def recorded_params(self) -> dict[str, str]:
        """The params, as long as MLflow takes them."""
        return {key: value[:LONGEST] for key, value in self.params.items()}

    def different(self, other: "PlannedRun") -> list[str]:
        """The keys, but for seeds, in which two runs differ: none within a group."""
        if all(one is two for one, two in zip(self.parts[:-1], other.parts[:-1], strict=False)):  # all but the seeds
            return []
        differing = {key for key, _ in self.params.items() ^ other.params.items()}
        return sorted(differing - {*SEEDS, *INDIFFERENT})


def plan_run(
    config: Mapping[str, Any], choices: Mapping[str, Any], labels: Collection[str], fingerprint: str, job: int = 0
) -> PlannedRun:
    """The planned run of one composed and resolved configuration.

    `choices` are the options chosen in config groups, `labels` the params that tell it from its neighbours, besides
    optimizer, learning rate and seed; `fingerprint` is that of its data.
    """
    trained = {key: part for key, part in config.items() if key not in RECORDING}
    groups = [_values(key, part) for key, part in trained.items() if isinstance(part, dict)]
    own = {key: value for key, value in trained.items() if not isinstance(value, dict)}
    values, determining = _own(*own, *own.values())
    parts = (_options(choices), *(values for values, _ in groups), values)
    params = _merged(parts)
    group = _name(params, labels)
    content = json.dumps([[digest for _, digest in groups], determining, fingerprint, __version__])
    return PlannedRun(
        job=job,
        name=f"{group} {_seeds(params)}",
        group=group,
        key=hashlib.sha256(content.encode()).hexdigest()[:16],
        experiment=str(config["experiment"]),
        parts=parts,
    )


@cached
def _values(key: str, part: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The params of a part of a configuration, and a hash of those that determine what is trained."""
    values = {name: canonical(value) for name, value in leaves(part, f"{key}.") if not name.startswith(UNTRAINED)}
    determining = sorted((name, value) for name, value in values.items() if name not in INDIFFERENT)
    return values, hashlib.sha256(json.dumps([key, determining]).encode()).hexdigest()


@cached
def _own(*parts: Any) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The params at the top of a configuration, such as its seeds, and those that determine what is trained.

    `parts` are the keys, then the values.
    """
    keys, values = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    params = {key: canonical(value) for key, value in zip(keys, values, strict=True)}
    return params, sorted((key, value) for key, value in params.items() if key not in INDIFFERENT)


@cached
def _options(choices: Mapping[str, Any]) -> dict[str, str]:
    options = {key.replace("@", "."): option for key, option in choices.items()}  # MLflow takes no @ in a name
    return {key: str(option) for key, option in options.items() if option and not key.startswith(NOT_CHOSEN)}


def _merged(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for part in parts:
        merged.update(part)
    return merged


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a nested configuration under their dotted keys."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def canonical(value: Any) -> str:
    """One text for each value: 0.01, 1e-2 and .01 are `0.01`; 1 and 1.0 are `1`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(canonical, value))}]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value)


def setting(params: Mapping[str, Any]) -> str:
    """Params as they are shown, and can be typed, with four digits."""
    shown = {key: f"{value:.4g}" if isinstance(value, float) else canonical(value) for key, value in params.items()}
    return " ".join(f"{key}={value}" for key, value in shown.items())


def _name(params: Mapping[str, str], labels: Collection[str]) -> str:
    kind = params["optimizer._target_"].rsplit(".", 1)[-1]
    parts = [kind if OPTIMIZER in labels else params.get("optimizer") or kind]
    if "optimizer.lr" in params:
        parts.append(f"lr={_short(params['optimizer.lr'])}")
    for label in labels:
        if label in params and label not in ("optimizer", OPTIMIZER, "optimizer.lr", *SEEDS):
            parts.append(f"{label.rsplit('.', 1)[-1]}={params[label]}")
    return " ".join(parts)


def _short(number: str) -> str:
    """Without the last digits of binary fractions: 0.30000000000000004 is 0.3."""
    return f"{float(number):.12g}"


def _seeds(params: Mapping[str, str]) -> str:
    if params["seed"] == params["init_seed"] == params["order_seed"]:
        return f"seed={params['seed']}"
    return f"init_seed={params['init_seed']} order_seed={params['order_seed']}"
