"""References within a configuration: its interpolations, and what to write where once a value has changed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = re.compile(r"\$\{(\.*)([a-z_][\w-]*(?:\.[\w-]+)*)\}", re.ASCII | re.IGNORECASE)
PURE = re.compile(r"\$\{seedsweep\.\w+:[^${}\\]*\}")  # our own resolvers depend on nothing but their arguments

Keys = tuple[str, ...]
Reference = list[str | Keys]  # the components of a value: literal strings, and the keys that it refers to
Source = tuple[str | int, ...]  # the index of an override whose value is written, or strings and indices to be joined


class NotCopyableError(Exception):
    """A copy of the first job could differ from what Hydra composes."""


def find_references(raw: Any) -> dict[Keys, Reference]:
    """The values of an unresolved configuration that have interpolations, by their keys."""
    references = {}
    for path, leaf in walk(raw):
        if not isinstance(leaf, str) or "${" not in leaf:
            continue
        rest = PURE.sub("", REFERENCE.sub("", leaf))
        if "$" in rest or "\\" in rest:
            raise NotCopyableError
        components: Reference = []
        for literal, dots, key in re.findall(f"(.*?)(?:{REFERENCE.pattern}|$)", leaf, REFERENCE.flags | re.DOTALL):
            components += [literal] if literal else []
            components += [(*(path[: -len(dots)] if dots else ()), *key.split("."))] if key else []
        references[path] = components
    return references


def follow(
    values: Mapping[Keys, Source], references: Mapping[Keys, Reference], resolved: dict[str, Any]
) -> dict[Keys, Source]:
    """What to write where: the values of overrides, and whatever refers to them, directly or through others."""
    reached = set(values)

    def is_reached(component: str | Keys) -> bool:
        return not isinstance(component, str) and any(overlap(component, path) for path in reached)

    while newly := {path for path, reference in references.items() if any(map(is_reached, reference))} - reached:
        reached |= newly

    def source(path: Keys) -> Source:
        if path in values:
            return values[path]
        if path not in reached:  # a value below it is
            raise NotCopyableError
        joined: list[str | int] = []
        for component in references[path]:
            if is_reached(component):
                joined += source(tuple(component))
                continue
            content = component if isinstance(component, str) else value_at(resolved, component)
            if isinstance(content, dict | list) or (content is component and "$" in content):  # a resolver
                raise NotCopyableError
            joined.append(str(content))
        return tuple(joined)

    return {path: source(path) for path in reached}


def check_literal(raw: Any, path: Keys) -> None:
    """Raise `NotCopyableError` if an interpolation is on the way to a key, at it or below it."""
    for name in path:
        if isinstance(raw, dict) and name not in raw:
            return
        raw = raw[name] if isinstance(raw, dict) else raw
    if any("${" in str(leaf) for _, leaf in walk(raw)):
        raise NotCopyableError


def overlap(path: Keys, other: Keys) -> bool:
    """Whether two paths are equal, or one leads to a node that contains the other."""
    return all(map(str.__eq__, path, other))


def value_at(node: Any, path: Keys) -> Any:
    """The value to which a path leads from a node."""
    for name in path:
        node = node[key_of(node, name)]
    return node


def key_of(node: Any, name: str) -> str | int:
    """The key of that name in a dictionary, or the index in a list."""
    if isinstance(node, dict) and name in node:
        return name
    if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
        return int(name)
    raise NotCopyableError


def walk(node: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The values of a nested configuration that are no nodes themselves, with their paths."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from walk(value, (*path, str(key)))
    else:
        yield path, node
