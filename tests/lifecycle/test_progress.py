"""Bars where there is a terminal, and elsewhere lines that say how far it is."""

from pathlib import Path

import pytest
from shared.waiting import wait_for

from seedsweep.lifecycle import progress


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENCE", 0.01)


def test_output_that_is_piped_says_how_far_a_training_is(
    talkative: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.training(tmp_path / "file", 4, 2000, "epochs"):
        progress.advance(tmp_path / "file", 1500)
        said: list[str] = []
        wait_for(lambda: said.append(capsys.readouterr().out) or "training 1,500 of 2,000" in "".join(said))


def test_output_that_is_piped_says_what_takes_long(talkative: None, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.working("comparing"):
        said: list[str] = []
        wait_for(lambda: said.append(capsys.readouterr().out) or "comparing …" in "".join(said))


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.working("comparing"):
        pass
    assert capsys.readouterr().out.strip() == ""
