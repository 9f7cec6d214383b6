"""The JavaScript that draws the figures of a page: Vega, Vega-Lite and Vega-Embed, as one script."""

import hashlib
import os
import tempfile
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import platformdirs


@cache
def vega() -> str:
    """The script, from the user's cache where it lies there whole, as making it takes two seconds."""
    file = _cached_file()
    cached = _read(file) if file else None
    if cached is not None:
        return cached
    import vl_convert

    made: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    if file:
        _keep(made, file)
    return made


def _cached_file() -> Path | None:
    """The file in the user's cache folder; None where there is no home."""
    folder = platformdirs.user_cache_path("seedsweep", appauthor=False)
    return folder / f"vega-{version('vl-convert-python')}.js" if folder.is_absolute() else None


def _read(file: Path) -> str | None:
    """The script behind the first line, which is its hash; none where that does not fit, or there is no such file."""
    try:
        digest, _, script = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    return script.decode() if hashlib.sha256(script).hexdigest().encode() == digest else None


def _keep(script: str, file: Path) -> None:
    """Write it whole or not at all; where nothing can be written, it is made again the next time."""
    encoded = script.encode()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=file.parent, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(hashlib.sha256(encoded).hexdigest().encode() + b"\n" + encoded)
            os.replace(unfinished, file)
        except OSError:
            os.unlink(unfinished)
