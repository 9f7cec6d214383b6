"""What in a configuration refers to what: its interpolations, and what to write where once a value has changed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = re.compile(r"\$\{(\.*)([a-z_][\w-]*(?:\.[\w-]+)*)\}", re.ASCII | re.IGNORECASE)
PURE = re.compile(r"\$\{seedsweep\.\w+:[^${}\\]*\}")  # our own resolvers know nothing but their arguments

Keys = tuple[str, ...]
Source = tuple[str | int, ...]  # of what is written: the value of one override, or texts and values joined to a string


class DoubtError(Exception):
    """A copy could differ from what Hydra makes."""


def find_links(raw: Any) -> dict[Keys, list[str | Keys]]:
    """The interpolations, as literal texts and the keys that they refer to."""
    links = {}
    for path, leaf in walk(raw):
        if not isinstance(leaf, str) or "${" not in leaf:
            continue
        rest = PURE.sub("", REFERENCE.sub("", leaf))
        if "$" in rest or "\\" in rest:
            raise DoubtError
        parts: list[str | Keys] = []
        for text, dots, key in re.findall(f"(.*?)(?:{REFERENCE.pattern}|$)", leaf, REFERENCE.flags | re.DOTALL):
            parts += [text] if text else []
            parts += [(*(path[: -len(dots)] if dots else ()), *key.split("."))] if key else []
        links[path] = parts
    return links


def follow(
    values: Mapping[Keys, Source], links: Mapping[Keys, list[str | Keys]], resolved: dict[str, Any]
) -> dict[Keys, Source]:
    """What to write where: the values of overrides, and what refers to them, directly or not."""
    reached = set(values)

    def is_reached(part: str | Keys) -> bool:
        return not isinstance(part, str) and any(touch(part, path) for path in reached)

    while new := {path for path, parts in links.items() if any(map(is_reached, parts))} - reached:
        reached |= new

    def source(path: Keys) -> Source:
        if path in values:
            return values[path]
        if path not in reached:  # a part of a node is
            raise DoubtError
        found: list[str | int] = []
        for part in links[path]:
            if is_reached(part):
                found += source(tuple(part))
                continue
            text = part if isinstance(part, str) else at(resolved, part)
            if isinstance(text, dict | list) or (text is part and "$" in text):  # a resolver
                raise DoubtError
            found.append(str(text))
        return tuple(found)

    return {path: source(path) for path in reached}


def check_literal(raw: Any, path: Keys) -> None:
    """That no interpolation is on the way to a key, at it or below it."""
    for name in path:
        if isinstance(raw, dict) and name not in raw:
            return
        raw = raw[name] if isinstance(raw, dict) else raw
    if any("${" in str(leaf) for _, leaf in walk(raw)):
        raise DoubtError


def touch(one: Keys, other: Keys) -> bool:
    """Whether one of the keys is the other or inside it."""
    return all(map(str.__eq__, one, other))


def at(node: Any, path: Keys) -> Any:
    for name in path:
        node = node[key_of(node, name)]
    return node


def key_of(node: Any, name: str) -> str | int:
    """The key of that name in a dictionary or a list."""
    if isinstance(node, dict) and name in node:
        return name
    if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
        return int(name)
    raise DoubtError


def walk(node: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from walk(value, (*path, str(key)))
    else:
        yield path, node
