"""The template of a shape: the configuration of its first job, and what other jobs have in place of its values."""

from collections.abc import Mapping, Sequence
from typing import Any

from seedsweep.config.interpolations import Keys, Source, key_of, walk
from seedsweep.config.shaped_overrides import ShapedOverride

CACHED = 1_000  # variants of a branch that are kept


class Template:
    """Writes the configurations of the jobs of a shape.

    `base` is the resolved configuration of the first job, `choices` are its options by group, and `sources` says by
    path what a job's overrides write.
    """

    def __init__(self, base: dict[str, Any], choices: Mapping[str, str | None], sources: Mapping[Keys, Source]):
        self.base, self.choices = base, choices
        tree: dict[Any, Any] = {}
        for path, source in sources.items():
            branch: Any = tree
            node: Any = base
            for name in path[:-1]:
                branch, node = branch.setdefault(key_of(node, name), {}), node[key_of(node, name)]
            branch[key_of(node, path[-1])] = source
        top = {key for key, branch in tree.items() if isinstance(branch, tuple) and len(branch) == 1}
        self.values = [(key, tree[key][0]) for key in top]
        self.branches = [_Branch(key, branch, base[key]) for key, branch in tree.items() if key not in top]

    def write(self, overrides: Sequence[ShapedOverride]) -> dict[str, Any]:
        """The configuration of the job with these overrides."""
        config = self.base.copy()
        for key, index in self.values:
            config[key] = overrides[index].value
        for branch in self.branches:
            config[branch.key] = branch.write(overrides)
        return config


class _Branch:
    """What is below one key at the top of a configuration, made once for all jobs that have it in common."""

    def __init__(self, key: str, tree: Any, base: Any):
        self.key, self.tree, self.base = key, tree, base
        components = {component for _, source in walk(tree) for component in source}
        self.indices = [component for component in components if isinstance(component, int)]
        self.variants: dict[tuple[str, ...], Any] = {}

    def write(self, overrides: Sequence[ShapedOverride]) -> Any:
        variant = tuple([overrides[index].text for index in self.indices])
        if variant not in self.variants:
            if len(self.variants) >= CACHED:
                self.variants.clear()
            self.variants[variant] = _write(self.tree, self.base, overrides)
        return self.variants[variant]


def written_value(source: Source, overrides: Sequence[ShapedOverride]) -> Any:
    """The value that a source makes of the overrides of a job."""
    values = [item if isinstance(item, str) else overrides[item].value for item in source]
    return values[0] if len(values) == 1 else "".join(map(str, values))


def _write(tree: Any, base: Any, overrides: Sequence[ShapedOverride]) -> Any:
    if isinstance(tree, tuple):
        return written_value(tree, overrides)
    node = base.copy()
    for key, branch in tree.items():
        node[key] = _write(branch, base[key], overrides)
    return node
