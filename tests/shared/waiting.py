"""Waiting for events, and the addresses that they come from."""

import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

# for MLflow's servers, which would start eight processes for jobs of language models, and four that answer
SMALL_SERVER = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_WORKERS": "1"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """The first true value of the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"nothing came within {seconds} s")


def is_training(folder: Path) -> bool:
    """Whether a sweep of that folder has told of its first epochs."""
    return any(file.stat().st_size for file in folder.glob(".progress-*"))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
