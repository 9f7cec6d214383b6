"""Optimizers with which runs take long, or fail."""

from pathlib import Path

import pytest

SLOW = "import time, torch\nclass Slow(torch.optim.SGD):\n    def step(self, closure=None):\n"
SLOW += "        time.sleep(0.05)\n        return super().step(closure)\n"
BROKEN = "import torch\nclass Broken(torch.optim.SGD):\n    def step(self, closure=None):\n"
BROKEN += "        if self.param_groups[0]['lr'] == 0.5:\n            raise RuntimeError('the step broke')\n"
BROKEN += "        return super().step(closure)\n"


@pytest.fixture
def slow_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers that somebody else wrote, importable here and in processes started from here."""
    (tmp_path / "slow_or_broken.py").write_text(SLOW + BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
