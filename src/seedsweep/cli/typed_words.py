"""The words of a command: Hydra's flags, and overrides, in the order in which Hydra takes them."""

from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from seedsweep.config.overrides import PREFIXES
from seedsweep.errors import ConfigError


def in_order(words: Sequence[str]) -> list[str]:
    """The words with the overrides behind the flags: argparse takes those alone that stand together.

    Args:
        words: as they were typed.

    Returns:
        The same words.

    Raises:
        ConfigError: one begins with =, or is no flag of Hydra's.
    """
    for word in words:
        if word.startswith("="):  # at which Hydra would fail
            raise ConfigError("", word[1:], "must be KEY=VALUE, as in optimizer.lr=0.1")
    ordered = sorted(words, key=_is_override)
    unknown = get_args_parser().parse_known_args(ordered)[1]
    for flag in unknown:
        key, _, value = flag.lstrip("-").partition("=")
        following = words[words.index(flag) + 1 :][:1] if flag in words else []
        value = value or next((word for word in following if not _is_override(word) and word[:1] != "-"), "VALUE")
        allowed = f"is no flag; overrides are typed without dashes: {key}={value}"
        raise ConfigError(flag.partition("=")[0], value, allowed)
    return ordered


def _is_override(word: str) -> bool:
    return not word.startswith("-") and ("=" in word or word[:1] in PREFIXES)
