"""What identifies a run before it is trained, its name, group, key and params: configurations in, `PlannedRun`s out."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from seedsweep.caching import cached
from seedsweep.config.code_digest import digest_of_path
from seedsweep.config.cutting import cut
from seedsweep.config.demand import ANY_RUN, Demand
from seedsweep.config.params import LONGEST, canonical, leaves
from seedsweep.outcomes import GRADIENT_NORM, SUBOPTIMALITY, WEIGHT_NORM

TRAINED_SINCE = "0.1.0"  # the first version that trains as this one does: part of every key
SEEDS = ("seed", "init_seed", "order_seed")
PROBLEM, PROBLEM_NAME = "data", "data.name"  # the params that tell the data sets of a sweep apart
OPTIMIZER = "optimizer._target_"  # overridden, the optimizer is no longer that of the chosen option
NOT_CHOSEN = ("hydra/", "tracking")  # groups whose option says nothing of what is trained
INDIFFERENT = (  # to what is trained, beside the fingerprint of the data
    *("seed", "data.name", "data.path", "model.name"),
    *("data.missing", "data.categorical", "data.separator", "data.decimal", "data.thousands", "data.encoding"),
    *("trainer.log_every_n_steps", "trainer.engine", "trainer.max_members", "trainer.suboptimality", "trainer.norms"),
)
# keys that came later: at these defaults they are left out of what a run's key is made of, so that it stays what it was
DEFAULTS_SINCE: dict[str, Any] = {
    "trainer.early_stopping.patience": None,
    "trainer.early_stopping.monitor": "val/loss",
    "trainer.early_stopping.min_delta": 0.0,
    "trainer.early_stopping.mode": None,
    "trainer.norms": False,
    "trainer.target.value": None,
    "trainer.target.monitor": "val/loss",
    "trainer.target.mode": None,
    "data.task": None,
    "data.class_weights": None,
    "trainer.decay_biases": True,
    "trainer.gradient_clip_val": None,
    "trainer.gradient_clip_algorithm": None,
    "schedule.interval": "epoch",
}
TARGET = "_target_"
SEARCH = "search"  # of an optimizer: the space of a search, which says nothing of what is trained
UNTRAINED = f"optimizer.{SEARCH}."
RECORDING = ("tracking", "experiment", "objective", "metrics", "compare", "batched")  # of no effect on the training
APART = ("tracking", "experiment", "compare", "batched", *SEEDS)  # of no effect on what runs have in common


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a plan: `job` is its index there, `group` its name without seeds, `key` a hash of what is trained.

    `shared_params` are its params in mappings that it shares with other runs, so that many take little memory; later
    ones override earlier ones. `demand` is what a run of that key must have to be taken for it.
    """

    job: int
    name: str
    group: str
    key: str
    experiment: str
    shared_params: tuple[Mapping[str, str], ...]
    demand: Demand = ANY_RUN

    @property
    def params(self) -> dict[str, str]:
        """The chosen options by the names of their groups, and all values by their keys."""
        return _merged(self.shared_params)

    @property
    def recorded_params(self) -> dict[str, str]:
        """The params, as long as MLflow takes them."""
        return {key: cut(value, LONGEST) for key, value in self.params.items()}

    def differs_in_seeds(self, other: "PlannedRun") -> bool:
        """Whether it shares all params with another run but for the values of the last mapping, which has the seeds."""
        *nodes, seeds = self.shared_params
        *other_nodes, other_seeds = other.shared_params
        return list(map(id, nodes)) == list(map(id, other_nodes)) and seeds.keys() == other_seeds.keys()

    def different(self, other: "PlannedRun") -> list[str]:
        """The keys, except for seeds, in which two runs differ: none within a group."""
        differing = {key for key, _ in self.params.items() ^ other.params.items()}
        return sorted(differing - {*SEEDS, *INDIFFERENT})


def plan_run(
    config: Mapping[str, Any], choices: Mapping[str, Any], labels: Collection[str], fingerprint: str, job: int = 0
) -> PlannedRun:
    """The planned run of one configuration.

    Args:
        config: plain and resolved.
        choices: the options that are chosen in config groups.
        labels: the params that its name has besides optimizer, learning rate and seed.
        fingerprint: that of its data.
        job: its index in the plan.

    Returns:
        The run with its name, group, key and params.
    """
    rest = {key: value for key, value in config.items() if key not in APART}
    common = _without_seeds(choices, labels, fingerprint, *rest, *rest.values())
    seeds, determining = _seed_params(*(config[key] for key in SEEDS))
    digest = common.head.copy()
    digest.update(json.dumps(sorted([*common.determining, *determining])).encode() + common.tail)
    return PlannedRun(
        job=job,
        name=f"{common.group} {_seeds(seeds)}",
        group=common.group,
        key=digest.hexdigest()[:16],
        experiment=str(config["experiment"]),
        shared_params=(*common.nodes, common.top | seeds),
        demand=common.demand,
    )


class _WithoutSeeds(NamedTuple):
    """What planned runs that differ in seeds alone have in common.

    `nodes` are the params of the options and of each node, `top` those of the other values, of which the pairs of
    `determining` say what is trained. A key is the hash of `head`, all such pairs, and `tail`.
    """

    group: str
    nodes: tuple[dict[str, str], ...]
    top: dict[str, str]
    determining: list[tuple[str, str]]
    head: "hashlib._Hash"
    tail: bytes
    demand: Demand


@cached
def _without_seeds(
    choices: Mapping[str, Any], labels: Collection[str], fingerprint: str, *content: Any
) -> _WithoutSeeds:
    """The same for equal configurations without their seeds; `content` are their keys, then their values."""
    config = dict(zip(content[: len(content) // 2], content[len(content) // 2 :], strict=True))
    trained = {key: value for key, value in config.items() if key not in RECORDING}
    nodes = [_node_params(key, value) for key, value in trained.items() if isinstance(value, dict)]
    top = {key: canonical(value) for key, value in trained.items() if not isinstance(value, dict)}
    shared = (_options(choices), *(params for params, _ in nodes))
    own = _own_code(*(node for node in trained.values() if isinstance(node, dict)))
    code = "".join(f", {json.dumps(digest)}" for digest in ([own] if own else []))
    return _WithoutSeeds(
        group=_name(_merged((*shared, top)), labels),
        nodes=shared,
        top=top,
        determining=_determining(top),
        head=hashlib.sha256(f"[{json.dumps([digest for _, digest in nodes])}, ".encode()),
        tail=f", {json.dumps(fingerprint)}, {json.dumps(TRAINED_SINCE)}{code}]".encode(),
        demand=_demand(config["objective"]["metric"], config.get("metrics"), config["trainer"]),
    )


@cached
def _seed_params(*seeds: int) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The params of the seeds, and those that determine what is trained."""
    params = {key: canonical(value) for key, value in zip(SEEDS, seeds, strict=True)}
    return params, _determining(params)


def _determining(top: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those of the values at the top of a configuration that say what is trained."""
    return [(key, value) for key, value in top.items() if key not in INDIFFERENT]


@cached
def _demand(metric: str, metrics: Any, trainer: Mapping[str, Any]) -> Demand:
    """What a run must have been trained and measured by, besides what its key says."""
    asked = [metrics] if isinstance(metrics, str) else metrics or []
    names = [item.get("name", item.get("_target_")) if isinstance(item, dict) else item for item in asked]
    measured = [metric, *(f"val/{name}" for name in names)]
    measured += [SUBOPTIMALITY] if trainer.get("suboptimality") else []
    measured += [GRADIENT_NORM, WEIGHT_NORM] if trainer.get("norms") else []
    made = [item for item in asked if isinstance(item, dict)]  # whose names do not say what they measure
    code = [digest_of_path(str(item.get(TARGET))) for item in made]
    by = (
        hashlib.sha256(json.dumps([made, code], sort_keys=True, default=str).encode()).hexdigest()[:16]
        if made
        else None
    )
    often = trainer.get("log_every_n_steps")
    engine = "lightning" if trainer.get("engine") == "lightning" else None  # by name: the reference, to the last bit
    return Demand(tuple(dict.fromkeys(measured)), None if often is None else canonical(often), engine, by)


@cached
def _own_code(*nodes: Mapping[str, Any]) -> list[str]:
    """Digests of the classes and functions that nodes of a configuration name, of somebody's own."""
    targets = [value for node in nodes for name, value in leaves(node) if name.rsplit(".", 1)[-1] == TARGET]
    return list(filter(None, (digest_of_path(target) for target in targets if isinstance(target, str))))


@cached
def _node_params(key: str, node: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The params of a node of a configuration, and a hash of those that determine what is trained."""
    params = {name: canonical(value) for name, value in leaves(node, f"{key}.") if not name.startswith(UNTRAINED)}
    is_ours = not digest_of_path(str(node.get(TARGET, "")))  # an own class may take whatever it likes
    determining = sorted((name, value) for name, value in params.items() if not is_ours or _determines(name, value))
    return params, hashlib.sha256(json.dumps([key, determining]).encode()).hexdigest()


def _determines(name: str, value: str) -> bool:
    """Whether a param, at that value, says what is trained."""
    is_default = name in DEFAULTS_SINCE and value == canonical(DEFAULTS_SINCE[name])
    return name not in INDIFFERENT and not is_default


@cached
def _options(choices: Mapping[str, Any]) -> dict[str, str]:
    options = {key.replace("@", "."): option for key, option in choices.items()}  # MLflow takes no @ in a name
    return {key: str(option) for key, option in options.items() if option and not key.startswith(NOT_CHOSEN)}


def _merged(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for mapping in mappings:
        merged.update(mapping)
    return merged


def _name(params: Mapping[str, str], labels: Collection[str]) -> str:
    kind = params["optimizer._target_"].rsplit(".", 1)[-1]
    words = [kind if OPTIMIZER in labels else params.get("optimizer") or kind]
    if "optimizer.lr" in params:
        words.append(f"lr={_short(params['optimizer.lr'])}")
    for label in labels:
        if label in params and label not in ("optimizer", OPTIMIZER, "optimizer.lr", *SEEDS):
            words.append(f"{label.rsplit('.', 1)[-1]}={cut(params[label])}")
    return " ".join(words)


def _short(number: str) -> str:
    """A number without the last digits of binary fractions: 0.30000000000000004 is 0.3."""
    return f"{float(number):.12g}"


def _seeds(params: Mapping[str, str]) -> str:
    if params["seed"] == params["init_seed"] == params["order_seed"]:
        return f"seed={params['seed']}"
    return f"init_seed={params['init_seed']} order_seed={params['order_seed']}"
