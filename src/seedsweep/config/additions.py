"""Keys that are added with a +: one that nothing uses is refused, since the run would be the same without it."""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from seedsweep.config.existing_keys import ABSENT, HYDRAS_GROUPS, ExistingKeys, existing_keys
from seedsweep.config.instantiation import argument_names
from seedsweep.config.interpolations import Keys, overlap, walk
from seedsweep.config.overrides import ParsedOverride, as_typed, parse_override
from seedsweep.config.planned_run import SEARCH
from seedsweep.config.unknown_keys import unknown_key
from seedsweep.errors import ConfigError

INNERMOST = re.compile(r"\$\{([^{}]*)\}")
CHECKED_LATER = ("data", "model", "schedule", "trainer")  # by what takes their keys
TAKES_ANY = "pytorch_optimizer"  # the package whose optimizers take any argument, and use none that they lack


def added(overrides: Sequence[str]) -> list[ParsedOverride]:
    """The overrides that add a key which nothing else checks, or put a value in the place of a group of Hydra's.

    Args:
        overrides: as they are typed.

    Returns:
        Those with a +, but for arguments of classes that refuse what they do not take.
    """
    parsed = map(parse_override, overrides)
    return [typed for typed in parsed if typed.key in HYDRAS_GROUPS or (typed.text[:1] == "+" and _is_unchecked(typed))]


def _is_unchecked(typed: ParsedOverride) -> bool:
    path = _path(typed.key)
    return path[0] not in CHECKED_LATER or len(path) > 2


def check_additions(
    additions: Sequence[ParsedOverride], config: DictConfig, hydra: DictConfig, loader: ConfigLoader
) -> None:
    """Check that every key that was added is one that exists, or that an interpolation uses it.

    Args:
        additions: those of the overrides of a job that `added` gives.
        config: of the job, as Hydra composes it, with its interpolations.
        hydra: its node `hydra`.
        loader: Hydra's.

    Raises:
        ConfigError: one is used by nothing; names the nearest key that exists.
    """
    content: Any = OmegaConf.to_container(config)
    references = [*_references(content), *_references({"hydra": OmegaConf.to_container(hydra)})]
    unused = [typed for typed in additions if not any(overlap(_path(typed.key), path) for path in references)]
    if not unused and all(len(_path(typed.key)) == 1 for typed in additions):
        return
    overrides = [*as_typed(hydra.overrides.hydra), *as_typed(hydra.overrides.task)]
    existing = existing_keys(loader, hydra.job.config_name, overrides)
    retargeted = {typed.key for typed in map(parse_override, overrides) if typed.key.endswith("._target_")}
    for typed in additions:
        _check_value(typed, existing[0])
    for typed in unused:
        path = _path(typed.key)
        if path[0] == "hydra":
            is_taken = _is_hydras(path[1:], hydra)
        elif path[0] == "optimizer" and len(path) > 1:
            is_taken = "optimizer._target_" in retargeted or _is_optimizers(path, existing[0])
        else:
            is_taken = path[0] in CHECKED_LATER or _is_taken(typed.key, existing[0])
        if not is_taken:
            raise unknown_key(typed, existing)


def _check_value(typed: ParsedOverride, existing: ExistingKeys) -> None:
    """Refuse a key below a value, and a value in the place of a group."""
    if typed.key in HYDRAS_GROUPS:
        group = typed.key.replace(".", "/")
        raise ConfigError(typed.typed_key, typed.value, f"is a group: choose its option by {group}={typed.value}")
    path = _path(typed.key)
    for length in range(1, len(path)):
        above = ".".join(path[:length])
        node = existing.node(above)
        is_interpolated = isinstance(node, str) and "${" in node
        if node is not ABSENT and node is not None and not isinstance(node, Mapping) and not is_interpolated:
            raise ConfigError(typed.typed_key, typed.value, f"{above} is a value, {node}, and takes no keys")


def _is_hydras(path: Keys, hydra: DictConfig) -> bool:
    """Whether Hydra has a key, below nodes that have certain ones."""
    node: Any = hydra
    for name in path:
        kind = OmegaConf.get_type(node) if isinstance(node, DictConfig) else None
        fields = dataclasses.fields(kind) if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None
        if fields is not None and name.partition("/")[0] not in {field.name for field in fields}:
            return False
        node = node._get_node(name) if isinstance(node, DictConfig) else None
    return True


def _is_optimizers(path: Keys, existing: ExistingKeys) -> bool:
    """Whether an optimizer may take a key, or its space of a search: some are given whatever there is, and use none."""
    maker = existing.makers().get("optimizer", "")
    name = path[2] if path[1] == SEARCH and len(path) > 2 else path[1]
    arguments = [*argument_names(maker), *_looked_up(maker)]
    if f"optimizer.{name}" in existing or name in arguments or name == "_target_":
        return True
    return path[1] != SEARCH and (not arguments or maker.partition(".")[0] != TAKES_ANY)


def _looked_up(maker: str) -> list[str]:
    """The arguments that a class looks up among those without a name."""
    try:
        source = inspect.getsource(get_object(maker))
    except Exception:  # of whatever is imported for it, or it has no source
        return []
    return re.findall(r"""kwargs(?:\.get\(|\.pop\(|\[)['"](\w+)""", source)


def _is_taken(key: str, existing: ExistingKeys) -> bool:
    """Whether a key exists without being added, is a group of which an option is added, or an argument of a class."""
    path = _path(key)
    nodes = [existing.node(".".join(path[:length])) for length in range(1, len(path))]
    is_argument = any(isinstance(node, Mapping) and "_target_" in node for node in nodes)
    return is_argument or ("@" not in key and key in existing)


def _path(key: str) -> Keys:
    """The path of a key, or the one where an option of a group is put."""
    return tuple((key.partition("@")[2] or key).split("."))


def _references(content: Mapping[str, Any]) -> Iterator[Keys]:
    """The keys that the interpolations of a configuration refer to, or that resolvers may, as oc.select does."""
    for path, leaf in walk(content):
        while isinstance(leaf, str) and (interpolation := INNERMOST.search(leaf)):
            reference, leaf = interpolation[1].strip(), leaf[: interpolation.start()] + leaf[interpolation.end() :]
            _, is_resolver, arguments = reference.partition(":")
            for key in re.split(r"[,\s'\"]+", arguments) if is_resolver else [reference]:
                name = key.lstrip(".")
                dots = len(key) - len(name)
                if name:
                    yield (*(path[:-dots] if dots else ()), *_path(name.replace("[", ".").replace("]", "")))
