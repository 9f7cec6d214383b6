"""Overrides in, job configurations out: Hydra composes one job of each shape, the others of the shape are copies of it.

Jobs have one shape if their overrides differ only in plain values, as `optimizer=adam optimizer.lr=0.1 seed=1` and
`optimizer=adam optimizer.lr=0.3 seed=2` do. From the first job of a shape it is known where its values went, and what
refers to them. Where a copy could differ from what Hydra makes, Hydra composes every job.
"""

import os
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from seedsweep.config.interpolations import (
    DoubtError,
    Keys,
    Source,
    at,
    check_literal,
    find_links,
    follow,
    touch,
)
from seedsweep.config.lazy_sequence import LazySequence
from seedsweep.config.overrides import ParsedOverride, parse_override
from seedsweep.config.templates import ShapedOverride, Template, value_of

KEY = re.compile(r"[a-z_][\w-]*(\.[a-z_][\w-]*)*", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?", re.ASCII)
RANDOM = re.compile(r"shuffle\s*\(")
UNKNOWN = object()
SEEN, SHAPES = 20_000, 4_096  # overrides and shapes that are remembered


@dataclass(frozen=True, slots=True)
class Composed:
    """One job's configuration, resolved and without `hydra`, and its options by group; "???" is what is missing.

    Jobs share the parts that they have in common: never change one in place.
    """

    number: int
    overrides: tuple[str, ...]
    config: dict[str, Any]
    choices: Mapping[str, str | None]


class Composer:
    """Composes the jobs of the sweep that has this master configuration."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        self.loader, self.master = loader, master
        self._parser = OverridesParser.create()
        self._seen: dict[str, ShapedOverride] = {}
        self._plain: dict[str, ShapedOverride] = {}  # one plain override for each text before the =
        self._groups: dict[str, bool] = {}
        self._shapes: dict[Hashable, Template | None] = {}
        self._slow: dict[tuple[int, tuple[str, ...]], Composed] = {}  # composed by Hydra: not again for the launcher

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
        known = self._shapes.get(tuple([override.shape for override in parsed]), UNKNOWN)
        if known is None:
            parsed = _literal(parsed)
            known = self._shapes.get(tuple([override.shape for override in parsed]))
        if isinstance(known, Template):
            return Composed(number, tuple([override.text for override in parsed]), known.write(parsed), known.choices)
        return self._first(parsed, number)

    def jobs(self, overrides: Sequence[Sequence[str]], first: int = 0) -> LazySequence[Composed]:
        """The jobs with these overrides, numbered from `first`, composed whenever they are looked at: in 4 µs."""
        return LazySequence(len(overrides), lambda index: self.compose(overrides[index], first + index))

    def _first(self, parsed: Sequence[ShapedOverride], number: int) -> Composed:
        """The first job of a shape, composed by Hydra, of which the others are copies."""
        overrides = tuple([override.text for override in parsed])
        if (number, overrides) in self._slow:
            return self._slow[number, overrides]
        config = self.full(overrides, number)
        choices = dict(config.hydra.runtime.choices)
        resolved = _resolve(config)
        for read in (parsed, _literal(parsed)):
            shape = tuple([override.shape for override in read])
            if shape not in self._shapes:
                if len(self._shapes) >= SHAPES:
                    del self._shapes[next(iter(self._shapes))]
                try:
                    self._shapes[shape] = Template(resolved, choices, self._sources(read, config, resolved))
                except DoubtError:
                    self._shapes[shape] = None
            if known := self._shapes[shape]:
                return Composed(number, overrides, known.write(read), choices)
        return self._slow.setdefault((number, overrides), Composed(number, overrides, resolved, choices))

    def _parse(self, text: str) -> ShapedOverride:
        if len(self._seen) >= SEEN:
            self._seen.clear()
            self._plain.clear()
        typed = parse_override(text)
        like = self._plain.get(typed.typed_key)
        if like is not None and NUMBER.fullmatch(digits := typed.value or ""):  # Hydra's parser takes 0.15 ms
            value = float(digits) if "." in digits or "e" in digits else int(digits)
            shape = (typed.typed_key, type(value))
            override = ShapedOverride(text, shape, like.path, plain=True, asks=like.asks, value=value)
        else:
            override = self._read(typed)
            if override.plain:
                self._plain[typed.typed_key] = override
        self._seen[text] = override
        return override

    def _read(self, typed: ParsedOverride) -> ShapedOverride:
        text = typed.text
        try:
            override = self._parser.parse_override(text)
        except HydraException:
            return ShapedOverride(text)  # composed, it will say what is wrong
        key, value = override.key_or_group, override.value()
        if re.split("[./]", key)[0] in ("", "hydra") or override.is_sweep_override() or RANDOM.search(text):
            return ShapedOverride(text)
        if not isinstance(value, dict) and self._is_group(key):
            return ShapedOverride(text, shape=text)
        if override.package is not None or not KEY.fullmatch(key):
            return ShapedOverride(text)
        plain = not override.is_delete() and _is_plain(value)
        asks = override.is_delete() or override.is_add() or isinstance(value, dict)
        shape = (typed.typed_key, type(value)) if plain else text
        return ShapedOverride(text, shape, tuple(key.split(".")), plain, asks, value)

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            job, command = self.master.hydra.job, list(self.master.hydra.overrides.hydra)
            self._groups[key] = bool(self.loader.get_group_options(key, None, job.config_name, command))
        return self._groups[key]

    def _sources(
        self, parsed: Sequence[ShapedOverride], config: DictConfig, resolved: dict[str, Any]
    ) -> dict[Keys, Source]:
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
            value = value_of(source, parsed)
            if not _is_untyped(config, path) or repr(value) != repr(at(resolved, path)):
                raise DoubtError
            if path not in values and lists & set(source):
                raise DoubtError
        return sources

    def _check_found(self, parsed: Sequence[ShapedOverride]) -> None:
        """That the chosen options have no interpolation, which could give another value, where an override looks."""
        options = [override.text for override in parsed if not override.path]
        try:
            raw = OmegaConf.to_container(self.loader.load_sweep_config(self.master, options), resolve=False)
        except (HydraException, OmegaConfBaseException, ValueError):
            raise DoubtError from None
        for override in parsed:
            if override.path and (override.asks or not override.plain):
                check_literal(raw, override.path)


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


def _literal(parsed: Sequence[ShapedOverride]) -> list[ShapedOverride]:
    """The same with texts as parts of the shape: others may be made of them, as a name is of a path."""
    return [override.literal if isinstance(override.value, str) else override for override in parsed]


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
