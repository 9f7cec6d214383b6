"""The names that somebody probably meant: those that exist and are nearest to what was typed."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.6  # of 1: two names from which on one may be meant by the other
BEGINNING, INITIALS = 0.75, 0.9  # the likeness of a word's beginning, and of its initials
SHOWN = 3  # equally near names


def nearest(typed: str, names: Iterable[str]) -> list[str]:
    """The names that are nearest to what was typed, if any are near.

    Dotted names and groups such as `hydra/launcher` are near by their last component, so that `lr` finds
    `optimizer.lr`; where a parent was typed, it has to be near as well, unless the last components are equal.

    Args:
        typed: a name that does not exist.
        names: those that exist.

    Returns:
        The nearest, of which those with the fewest components, at most three.
    """
    likeness = {name: _name_likeness(typed, name) for name in names}
    best = max(likeness.values(), default=0.0)
    if best < ALIKE:
        return []
    likeliest = [name for name, value in likeness.items() if value == best]
    fewest = min(len(_components(name)) for name in likeliest)
    return [name for name in likeliest if len(_components(name)) == fewest][:SHOWN]


def did_you_mean(typed: str, names: Iterable[str]) -> str:
    """The end of a message that names the nearest names.

    Args:
        typed: a name that does not exist.
        names: those that exist.

    Returns:
        `; did you mean a or b?`, empty where none is near.
    """
    meant = nearest(typed, names)
    return f"; did you mean {' or '.join(meant)}?" if meant else ""


def _name_likeness(typed: str, name: str) -> float:
    """How near a name is to what was typed, from 0 to 1."""
    (*typed_parents, typed_last), (*parents, last) = _components(typed), _components(name)
    likeness = _word_likeness(typed_last, last)
    if not typed_parents:
        return max(likeness, _ratio(typed, name) if parents else 0)
    nearer = min(likeness, _word_likeness(".".join(typed_parents), ".".join(parents)))
    return max(nearer, ALIKE if likeness == 1 else 0)


def _components(name: str) -> list[str]:
    return re.split("[./]", name)


def _word_likeness(typed: str, word: str) -> float:
    """How near two words are, also where one is the initials of the other (`lr`, `learning_rate`) or a part of it."""
    typed, word = typed.lower(), word.lower()
    if typed == word:
        return 1
    shorter, longer = sorted((typed, word), key=len)
    if "_" in longer and shorter == "".join(part[:1] for part in longer.split("_")):
        return INITIALS
    is_part = len(shorter) >= 3 and shorter in longer
    return max(_ratio(typed, word), (BEGINNING if longer.startswith(shorter) else ALIKE) if is_part else 0)


def _ratio(typed: str, word: str) -> float:
    return SequenceMatcher(None, typed, word, autojunk=False).ratio()
