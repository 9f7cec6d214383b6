"""The metric of a split that a key of the trainer watches epoch by epoch, in the words of Lightning's callbacks."""

from collections.abc import Collection, Mapping
from typing import Any

from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import SUBOPTIMALITY
from seedsweep.validation import check_choice, check_keys

MODES = {"min": "minimize", "max": "maximize"}


def monitored(keys: Mapping[str, Any]) -> Metric:
    """The metric that is watched.

    Args:
        keys: with `monitor`, its name, and `mode`, min or max where the end of the name does not say it.

    Returns:
        It, with its direction.
    """
    mode = keys.get("mode")
    return Metric(keys.get("monitor", "val/loss"), MODES[mode] if mode else None)


def checked_keys(group: str, keys: Any, switch: str, others: Collection[str] = ()) -> Mapping[str, Any] | None:
    """The keys of a group that watches a metric, if it is switched on.

    Args:
        group: its dotted name.
        keys: what the configuration has there.
        switch: the key without which nothing is watched.
        others: further keys besides `monitor` and `mode`.

    Returns:
        The keys; None where the switch is null.

    Raises:
        ConfigError: it is no group, or has a key that is not allowed.
    """
    if keys is None:
        return None
    if not isinstance(keys, Mapping):
        raise ConfigError(group, keys, f"must be a group of keys: {group}.{switch}={keys}")
    check_keys(keys, (switch, "monitor", *others, "mode"), group)
    return keys if keys.get(switch) is not None else None


def check_monitored(group: str, keys: Mapping[str, Any], measured: Collection[str]) -> None:
    """Check `monitor` and `mode`.

    Args:
        group: the dotted name of the group that has them.
        keys: those of the group.
        measured: the metrics that there will be; those of the test rows come too late.

    Raises:
        ConfigError: one of them is not allowed, or the metric has no known direction.
    """
    if keys.get("mode") is not None:
        check_choice(f"{group}.mode", keys["mode"], MODES)
    of_epochs = [name for name in measured if Metric(name).split_name != "test" and name != SUBOPTIMALITY]
    check_choice(f"{group}.monitor", keys.get("monitor", "val/loss"), of_epochs)
    monitored(keys).check_direction(f"{group}.monitor", f"{group}.mode=max")
