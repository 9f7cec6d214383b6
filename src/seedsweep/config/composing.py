"""Overrides in, job configurations out: Hydra composes one job of each shape, and the others are copies of it.

Jobs have one shape if their overrides differ only in plain values, as `optimizer=adam optimizer.lr=0.1 seed=1` and
`optimizer=adam optimizer.lr=0.3 seed=2` do. The first job of a shape shows where its values went, and what refers to
them. Where a copy could differ from what Hydra composes, Hydra composes each job.
"""

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import env_override
from hydra.errors import HydraException
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from seedsweep.config.files_read_once import read_files_once
from seedsweep.config.interpolations import (
    Keys,
    NotCopyableError,
    Source,
    check_literal,
    find_references,
    follow,
    overlap,
    value_at,
)
from seedsweep.config.lazy_sequence import LazySequence
from seedsweep.config.shaped_overrides import OverrideReader, ShapedOverride, shape_of, with_literal_strings
from seedsweep.config.templates import Template, written_value

UNSEEN = object()
CACHED = 4_096  # shapes of which a composer keeps the templates


@dataclass(frozen=True, slots=True)
class Composed:
    """One job: its number and overrides, its configuration, resolved and without `hydra`, and its options by group.

    Missing values are "???". Jobs share what they have in common: never change a configuration in place.
    """

    number: int
    overrides: tuple[str, ...]
    config: dict[str, Any]
    choices: Mapping[str, str | None]


class Composer:
    """Composes the jobs of the sweep that has this master configuration."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        read_files_once(loader)
        self.loader, self.master = loader, master
        self._reader = OverrideReader(loader, master)
        self._templates: dict[Hashable, Template | None] = {}  # by shape; None if its jobs cannot be copied
        self._by_hydra: dict[tuple[int, tuple[str, ...]], Composed] = {}  # kept for the launcher: it takes 40 ms

    def full(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Hydra's own composition of a job, with its `hydra` node."""
        config = self.loader.load_sweep_config(self.master, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        with current_in_hydra(config):
            output = os.path.abspath(os.path.join(config.hydra.sweep.dir, config.hydra.sweep.subdir))
        with open_dict(config), read_write(config.hydra.runtime):
            config.hydra.runtime.output_dir = output
        return config

    def compose(self, overrides: Sequence[str], number: int) -> Composed:
        """A job equal to Hydra's own, or Hydra's error if it cannot be composed."""
        shaped = [self._reader.read(text) for text in overrides]
        template = self._templates.get(shape_of(shaped), UNSEEN)
        if template is None:
            shaped = with_literal_strings(shaped)
            template = self._templates.get(shape_of(shaped))
        if isinstance(template, Template):
            texts = tuple([override.text for override in shaped])
            return Composed(number, texts, template.write(shaped), template.choices)
        return self._compose_first(shaped, number)

    def jobs(self, overrides: Sequence[Sequence[str]], first: int = 0) -> LazySequence[Composed]:
        """The jobs with these overrides, numbered from `first`, composed whenever they are looked at: in 4 µs."""
        return LazySequence(len(overrides), lambda index: self.compose(overrides[index], first + index))

    def _compose_first(self, shaped: Sequence[ShapedOverride], number: int) -> Composed:
        """The first job of a shape, composed by Hydra, and its template, from which the others are written."""
        overrides = tuple([override.text for override in shaped])
        if (number, overrides) in self._by_hydra:
            return self._by_hydra[number, overrides]
        config = self.full(overrides, number)
        choices = dict(config.hydra.runtime.choices)
        resolved = _resolve(config)
        for variant in (shaped, with_literal_strings(shaped)):
            shape = shape_of(variant)
            if shape not in self._templates:
                if len(self._templates) >= CACHED:
                    del self._templates[next(iter(self._templates))]
                try:
                    self._templates[shape] = Template(resolved, choices, self._sources(variant, config, resolved))
                except NotCopyableError:
                    self._templates[shape] = None
            if template := self._templates[shape]:
                return Composed(number, overrides, template.write(variant), choices)
        return self._by_hydra.setdefault((number, overrides), Composed(number, overrides, resolved, choices))

    def _sources(
        self, shaped: Sequence[ShapedOverride], config: DictConfig, resolved: dict[str, Any]
    ) -> dict[Keys, Source]:
        """What to write where in a job of the shape, checked against the first job, to the value and its type."""
        paths = [override.path for override in shaped if override.path]
        if any(override.shape is None for override in shaped) or any(overlap(*pair) for pair in combinations(paths, 2)):
            raise NotCopyableError
        if any(override.looks for override in shaped):
            self._check_options(shaped)
        raw: Any = OmegaConf.to_container(config, resolve=False)
        lists = {index for index, override in enumerate(shaped) if isinstance(override.value, list)}
        values = {override.path: (index,) for index, override in enumerate(shaped) if override.plain}
        sources = follow(values, find_references(raw), resolved)
        for path, source in sources.items():
            value_at(raw, path)
            value = written_value(source, shaped)
            if not _is_untyped(config, path) or repr(value) != repr(value_at(resolved, path)):
                raise NotCopyableError
            if path not in values and lists & set(source):
                raise NotCopyableError
        return sources

    def _check_options(self, shaped: Sequence[ShapedOverride]) -> None:
        """Check that the chosen options have no interpolation, which could change, where an override looks."""
        options = [override.text for override in shaped if not override.path]
        try:
            raw = OmegaConf.to_container(self.loader.load_sweep_config(self.master, options), resolve=False)
        except (HydraException, OmegaConfBaseException, ValueError):
            raise NotCopyableError from None
        for override in shaped:
            if override.path and (override.looks or not override.plain):
                check_literal(raw, override.path)


_latest: list[Composer] = []


def composer_of(loader: ConfigLoader, master: DictConfig) -> Composer:
    """The composer of a sweep, which its sweeper and its launcher share.

    Args:
        loader: Hydra's, from the `hydra_context` that both were set up with.
        master: the configuration that both were set up with, with its `hydra` node.

    Returns:
        The same composer as long as both arguments are the same objects.
    """
    if not _latest or _latest[0].loader is not loader or _latest[0].master is not master:
        _latest[:] = [Composer(loader, master)]
    return _latest[0]


@contextmanager
def current_in_hydra(config: DictConfig) -> Iterator[None]:
    """Make a job's configuration the one that Hydra's resolver `hydra:` reads.

    Args:
        config: composed, with its `hydra` node.
    """
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config.copy())
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before


def _resolve(config: DictConfig) -> dict[str, Any]:
    """The resolved content of a job's configuration; its `hydra` node is deleted, as for its task."""
    with current_in_hydra(config), env_override(config.hydra.job.env_set):
        with read_write(config), open_dict(config):
            del config["hydra"]
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


def _is_untyped(config: DictConfig, path: Keys) -> bool:
    """Whether a node keeps what is written to it, of whatever type."""
    node: Any = config
    for name in path:
        node = node._get_node(int(name) if isinstance(node, ListConfig) else name)
    return type(node) is AnyNode or (type(node) is ListConfig and node._metadata.element_type is Any)
