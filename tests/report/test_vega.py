"""The JavaScript of a page, and the cache that keeps it."""

from pathlib import Path

import pytest

from seedsweep.report.vega import vega


@pytest.mark.slow
def test_script_of_the_page_is_kept_whole_or_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = vega.__wrapped__()
    (kept,) = (tmp_path / "seedsweep").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr("vl_convert.javascript_bundle", None)
        assert vega.__wrapped__() == made
    for broken in (b"", b"\xff\xfe", kept.read_bytes()[:-1], kept.read_bytes().replace(b"vega", b"evil", 1)):
        kept.write_bytes(broken)
        assert vega.__wrapped__() == made
        assert len(kept.read_bytes()) > 500_000, "mended"


@pytest.mark.parametrize("home", ["a file", "/proc/nowhere"])
def test_script_of_the_page_needs_no_cache(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
    assert len(vega.__wrapped__()) > 500_000
