"""Overrides in, job configurations out: Hydra composes one job of each shape, the others of the shape are copies of it.

Jobs have one shape if their overrides differ only in plain values, as `optimizer=adam optimizer.lr=0.1 seed=1` and
`optimizer=adam optimizer.lr=0.3 seed=2` do. From the first job of a shape a plan is made: where its values went, and
what refers to them. Where a copy could differ from what Hydra makes there is no plan, and Hydra composes every job.
"""

import os
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from seedsweep.interpolations import (
    DoubtError,
    Keys,
    Source,
    at,
    check_literal,
    find_links,
    follow,
    key_of,
    touch,
    walk,
)

KEY = re.compile(r"[a-z_][\w-]*(\.[a-z_][\w-]*)*", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?", re.ASCII)
RANDOM = re.compile(r"shuffle\s*\(")
UNKNOWN = object()
SEEN, PLANS, PARTS = 20_000, 4_096, 1_000  # overrides, shapes, and variants of a part of a plan that are remembered


@dataclass(frozen=True, slots=True)
class Composed:
    """One job's configuration, resolved and without `hydra`, and its options by group; "???" is what is missing.

    Jobs share the parts that they have in common: never change one in place.
    """

    number: int
    overrides: tuple[str, ...]
    config: dict[str, Any]
    choices: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Override:
    """An override as Hydra parses it: of equal shape are those that differ only in a plain value, None is doubtful."""

    text: str
    shape: Hashable = None
    path: Keys = ()  # empty for the choice of an option
    plain: bool = False
    asks: bool = False  # what it does depends on what is there
    value: Any = None

    @property
    def literal(self) -> "_Override":
        """The same as a part of the shape, for values that others are made of."""
        return replace(self, shape=self.text, plain=False)


class Composer:
    """Composes the jobs of the sweep that has this master configuration."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        self.loader, self.master = loader, master
        self._parser = OverridesParser.create()
        self._seen: dict[str, _Override] = {}
        self._plain: dict[str, _Override] = {}  # one plain override for each text before the =
        self._groups: dict[str, bool] = {}
        self._plans: dict[Hashable, _Plan | None] = {}

    def full(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Hydra's own composition of a job, with its `hydra` node."""
        config = self.loader.load_sweep_config(self.master, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        with _known_to_hydra(config):
            output = os.path.abspath(os.path.join(config.hydra.sweep.dir, config.hydra.sweep.subdir))
        with open_dict(config), read_write(config.hydra.runtime):
            config.hydra.runtime.output_dir = output
        return config

    def compose(self, overrides: Sequence[str], number: int) -> Composed:
        """A job's configuration, equal to Hydra's own, and its errors where it cannot be composed."""
        parsed = [self._seen.get(text) or self._parse(text) for text in overrides]
        shape = tuple([override.shape for override in parsed])
        if self._plans.get(shape, UNKNOWN) is None:  # perhaps because of a text, such as a path that a name is made of
            parsed = [override.literal if isinstance(override.value, str) else override for override in parsed]
            shape = tuple([override.shape for override in parsed])
        plan = self._plans.get(shape)
        if plan is not None:
            return Composed(number, tuple([override.text for override in parsed]), plan.write(parsed), plan.choices)
        return self._first(parsed, shape, number)

    def _first(self, parsed: Sequence["_Override"], shape: Hashable, number: int) -> Composed:
        """The first job of a shape, composed by Hydra, from which the plan of the others is made."""
        overrides = tuple([override.text for override in parsed])
        config = self.full(overrides, number)
        choices = dict(config.hydra.runtime.choices)
        resolved = _resolve(config)
        if shape not in self._plans:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            try:
                self._plans[shape] = _Plan(resolved, choices, self._sources(parsed, config, resolved))
            except DoubtError:
                self._plans[shape] = None
        plan = self._plans[shape]
        return Composed(number, overrides, plan.write(parsed) if plan else resolved, choices)

    def _parse(self, text: str) -> _Override:
        if len(self._seen) >= SEEN:
            self._seen.clear()
            self._plain.clear()
        head, _, tail = text.partition("=")
        like = self._plain.get(head)
        if like is not None and NUMBER.fullmatch(tail):  # Hydra's parser takes 0.15 ms
            value = float(tail) if "." in tail or "e" in tail else int(tail)
            override = _Override(text, (head, type(value)), like.path, plain=True, asks=like.asks, value=value)
        else:
            override = self._read(text, head)
            if override.plain:
                self._plain[head] = override
        self._seen[text] = override
        return override

    def _read(self, text: str, head: str) -> _Override:
        try:
            override = self._parser.parse_override(text)
        except HydraException:
            return _Override(text)  # composed, it will say what is wrong
        key, value = override.key_or_group, override.value()
        if re.split("[./]", key)[0] in ("", "hydra") or override.is_sweep_override() or RANDOM.search(text):
            return _Override(text)
        if not isinstance(value, dict) and self._is_group(key):
            return _Override(text, shape=text)
        if override.package is not None or not KEY.fullmatch(key):
            return _Override(text)
        plain = not override.is_delete() and _is_plain(value)
        asks = override.is_delete() or override.is_add() or isinstance(value, dict)
        return _Override(text, (head, type(value)) if plain else text, tuple(key.split(".")), plain, asks, value)

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            job, command = self.master.hydra.job, list(self.master.hydra.overrides.hydra)
            self._groups[key] = bool(self.loader.get_group_options(key, None, job.config_name, command))
        return self._groups[key]

    def _sources(self, parsed: Sequence[_Override], config: DictConfig, resolved: dict[str, Any]) -> dict[Keys, Source]:
        """What to write where in a job of the shape; found there in the first job, to the value and its type."""
        paths = [override.path for override in parsed if override.path]
        if any(override.shape is None for override in parsed) or any(touch(*two) for two in combinations(paths, 2)):
            raise DoubtError
        if any(override.asks for override in parsed):
            self._check_found(parsed)
        raw: Any = OmegaConf.to_container(config, resolve=False)
        lists = {number for number, override in enumerate(parsed) if isinstance(override.value, list)}
        values = {override.path: (number,) for number, override in enumerate(parsed) if override.plain}
        sources = follow(values, find_links(raw), resolved)
        for path, source in sources.items():
            at(raw, path)
            value = _value(source, parsed)
            if not _is_untyped(config, path) or repr(value) != repr(at(resolved, path)):
                raise DoubtError
            if path not in values and lists & set(source):
                raise DoubtError
        return sources

    def _check_found(self, parsed: Sequence[_Override]) -> None:
        """That the chosen options have no interpolation, which could give another value, where an override looks."""
        options = [override.text for override in parsed if not override.path]
        try:
            raw = OmegaConf.to_container(self.loader.load_sweep_config(self.master, options), resolve=False)
        except (HydraException, OmegaConfBaseException, ValueError):
            raise DoubtError from None
        for override in parsed:
            if override.path and (override.asks or not override.plain):
                check_literal(raw, override.path)


class _Plan:
    """A job of a shape, and what the others have in its place."""

    def __init__(self, base: dict[str, Any], choices: Mapping[str, str | None], sources: Mapping[Keys, Source]):
        self.base, self.choices = base, choices
        tree: dict[Any, Any] = {}
        for path, source in sources.items():
            branch: Any = tree
            at: Any = base
            for name in path[:-1]:
                branch, at = branch.setdefault(key_of(at, name), {}), at[key_of(at, name)]
            branch[key_of(at, path[-1])] = source
        values = {name for name, branch in tree.items() if isinstance(branch, tuple) and len(branch) == 1}
        self.values = [(name, tree[name][0]) for name in values]
        self.parts = [_Part(name, branch, base[name]) for name, branch in tree.items() if name not in values]

    def write(self, parsed: Sequence[_Override]) -> dict[str, Any]:
        """The configuration of the job with these overrides."""
        config = self.base.copy()
        for name, number in self.values:
            config[name] = parsed[number].value
        for part in self.parts:
            config[part.name] = part.write(parsed)
        return config


class _Part:
    """What is below one key at the top of a configuration, made once for all jobs that have it in common."""

    def __init__(self, name: str, tree: Any, base: Any):
        self.name, self.tree, self.base = name, tree, base
        parts = {part for _, source in walk(tree) for part in source}
        self.numbers = [part for part in parts if isinstance(part, int)]
        self.made: dict[tuple[str, ...], Any] = {}

    def write(self, parsed: Sequence[_Override]) -> Any:
        variant = tuple([parsed[number].text for number in self.numbers])
        if variant not in self.made:
            if len(self.made) >= PARTS:
                self.made.clear()
            self.made[variant] = _write(self.tree, self.base, parsed)
        return self.made[variant]


def _write(tree: Any, base: Any, parsed: Sequence[_Override]) -> Any:
    if isinstance(tree, tuple):
        return _value(tree, parsed)
    made = base.copy()
    for key, branch in tree.items():
        made[key] = _write(branch, base[key], parsed)
    return made


def _value(source: Source, parsed: Sequence[_Override]) -> Any:
    values = [text if isinstance(text, str) else parsed[text].value for text in source]
    return values[0] if len(values) == 1 else "".join(map(str, values))


_latest: list[Composer] = []


def composer_of(loader: ConfigLoader, master: DictConfig) -> Composer:
    """The composer of a sweep, which its sweeper and its launcher share."""
    if not _latest or _latest[0].loader is not loader or _latest[0].master is not master:
        _latest[:] = [Composer(loader, master)]
    return _latest[0]


@contextmanager
def _known_to_hydra(config: DictConfig) -> Iterator[None]:
    """For what asks Hydra for the job's own configuration, as the resolver `hydra:` does."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config.copy())
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before


def _resolve(config: DictConfig) -> dict[str, Any]:
    """The resolved content of a job's configuration, of which the `hydra` node is taken away as for its task."""
    with _known_to_hydra(config):
        with read_write(config), open_dict(config):
            del config["hydra"]
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


def _is_plain(value: Any) -> bool:
    """Whether OmegaConf keeps a value as it is, and strings made from it are not interpolations or missing."""
    if isinstance(value, list):
        return all(item is None or (not isinstance(item, list) and _is_plain(item)) for item in value)
    return isinstance(value, bool | int | float) or (isinstance(value, str) and not set("$?") & set(value))


def _is_untyped(config: DictConfig, path: Keys) -> bool:
    """Whether a node keeps what it is given, of whatever type."""
    node: Any = config
    for name in path:
        node = node._get_node(int(name) if isinstance(node, ListConfig) else name)
    return type(node) is AnyNode or (type(node) is ListConfig and node._metadata.element_type is Any)
