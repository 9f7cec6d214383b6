"""What the jobs of one shape have in common: the configuration of the first, and what the others have in its places."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seedsweep.config.interpolations import Keys, Source, key_of, walk

PARTS = 1_000  # variants of a part of a shape that are remembered


@dataclass(frozen=True)
class ShapedOverride:
    """An override as Hydra parses it: of equal shape are those that differ only in a plain value, None is doubtful."""

    text: str
    shape: Hashable = None
    path: Keys = ()  # empty for the choice of an option
    plain: bool = False
    asks: bool = False  # what it does depends on what is there
    value: Any = None

    @cached_property
    def literal(self) -> "ShapedOverride":
        """The same as a part of the shape, for values that others are made of."""
        return replace(self, shape=self.text, plain=False)


class Template:
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
        self.parts = [_Branch(name, branch, base[name]) for name, branch in tree.items() if name not in values]

    def write(self, parsed: Sequence[ShapedOverride]) -> dict[str, Any]:
        """The configuration of the job with these overrides."""
        config = self.base.copy()
        for name, number in self.values:
            config[name] = parsed[number].value
        for part in self.parts:
            config[part.name] = part.write(parsed)
        return config


class _Branch:
    """What is below one key at the top of a configuration, made once for all jobs that have it in common."""

    def __init__(self, name: str, tree: Any, base: Any):
        self.name, self.tree, self.base = name, tree, base
        parts = {part for _, source in walk(tree) for part in source}
        self.numbers = [part for part in parts if isinstance(part, int)]
        self.made: dict[tuple[str, ...], Any] = {}

    def write(self, parsed: Sequence[ShapedOverride]) -> Any:
        variant = tuple([parsed[number].text for number in self.numbers])
        if variant not in self.made:
            if len(self.made) >= PARTS:
                self.made.clear()
            self.made[variant] = _write(self.tree, self.base, parsed)
        return self.made[variant]


def value_of(source: Source, parsed: Sequence[ShapedOverride]) -> Any:
    """The value that a source makes of the overrides of a job."""
    values = [text if isinstance(text, str) else parsed[text].value for text in source]
    return values[0] if len(values) == 1 else "".join(map(str, values))


def _write(tree: Any, base: Any, parsed: Sequence[ShapedOverride]) -> Any:
    if isinstance(tree, tuple):
        return value_of(tree, parsed)
    made = base.copy()
    for key, branch in tree.items():
        made[key] = _write(branch, base[key], parsed)
    return made
