"""Texts that are cut where they are too long, and stay different from each other."""

import hashlib

READABLE = 100  # characters of a value in a name


def cut(text: str, longest: int = READABLE) -> str:
    """A text of so many characters at most.

    Args:
        text: of any length.
        longest: how many there is room for.

    Returns:
        The text; of a longer one its beginning and a digest of all of it.
    """
    if len(text) <= longest:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: longest - 10]}… {digest}"
