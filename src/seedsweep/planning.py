"""What a run is called and known by, before it is trained: configurations in, `PlannedRun`s out."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seedsweep import __version__

SEEDS = ("seed", "init_seed", "order_seed")
NOT_CHOSEN = ("hydra/", "tracking")  # groups whose option says nothing of what is trained
INDIFFERENT = ("seed", "data.name", "data.path", "model.name", "trainer.log_every_n_steps")  # to what is trained
RECORDING = ("tracking", "experiment", "objective")  # how a run is recorded and judged, not what is trained


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan: `job` is its place in it, `group` its name without seeds, `key` a hash of what is trained."""

    job: int
    name: str
    group: str
    key: str
    experiment: str
    params: dict[str, str]

    @property
    def settings(self) -> dict[str, str]:
        """What the runs of a group have in common."""
        return {key: value for key, value in self.params.items() if key not in (*SEEDS, *INDIFFERENT)}


def plan_run(
    config: DictConfig, choices: Mapping[str, Any], labels: Collection[str], fingerprint: str, job: int = 0
) -> PlannedRun:
    """The planned run of one composed configuration.

    `choices` are the options chosen in config groups, `labels` the params that tell it from its neighbours, besides
    optimizer, learning rate and seed; `fingerprint` is that of its data.
    """
    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    trained = {key: value for key, value in resolved.items() if key not in RECORDING}
    values = {key: canonical(value) for key, value in leaves(trained)}
    options = {key.replace("@", "."): option for key, option in choices.items()}  # MLflow takes no @ in a name
    chosen = {key: str(option) for key, option in options.items() if option and not key.startswith(NOT_CHOSEN)}
    params = chosen | values
    group = _name(params, labels)
    determining = {key: value for key, value in values.items() if key not in INDIFFERENT}
    content = json.dumps([determining, fingerprint, __version__], sort_keys=True)
    return PlannedRun(
        job=job,
        name=f"{group} {_seeds(params)}",
        group=group,
        key=hashlib.sha256(content.encode()).hexdigest()[:16],
        experiment=str(resolved["experiment"]),
        params=params,
    )


def varied(jobs: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The keys whose overrides differ between the jobs of a sweep."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for override in job:
            values.setdefault(overridden(override), set()).add(override)
    return tuple(key for key, seen in values.items() if len(seen) > 1)


def overridden(override: str) -> str:
    """The key of a `key=value` override."""
    return override.split("=", 1)[0].lstrip("+~").replace("@", ".")


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


def _name(params: Mapping[str, str], labels: Collection[str]) -> str:
    parts = [params.get("optimizer") or params["optimizer._target_"].rsplit(".", 1)[-1]]
    if "optimizer.lr" in params:
        parts.append(f"lr={_short(params['optimizer.lr'])}")
    for label in labels:
        if label in params and label not in ("optimizer", "optimizer.lr", *SEEDS):
            parts.append(f"{label.rsplit('.', 1)[-1]}={params[label]}")
    return " ".join(parts)


def _short(number: str) -> str:
    """Without the last digits of binary fractions: 0.30000000000000004 is 0.3."""
    return f"{float(number):.12g}"


def _seeds(params: Mapping[str, str]) -> str:
    if params["seed"] == params["init_seed"] == params["order_seed"]:
        return f"seed={params['seed']}"
    return f"init_seed={params['init_seed']} order_seed={params['order_seed']}"
