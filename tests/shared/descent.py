"""Calls that leave a line each, of a function in a module that other processes can import."""

import random
import signal
from collections.abc import Callable
from pathlib import Path


def descend(optimizer: str, lr: float, seed: int, log: Callable[..., None]) -> float:
    """Noise that the seeds have in common, and a rule that is better at any rate; every call leaves a line."""
    with Path("calls").open("a") as calls:
        print(optimizer, lr, seed, file=calls)
    if Path("broken").exists() and optimizer == Path("broken").read_text():
        raise ValueError("this optimizer is broken")
    if Path("interrupt").exists() and seed == 12:
        signal.raise_signal(signal.SIGINT)
    value = 2 + lr + (optimizer == "slow") + random.Random(seed).gauss(0, 0.3)
    log("val/loss", value + random.Random(f"{seed} {optimizer} {lr}").gauss(0, 0.01))
    return -value


def calls() -> list[str]:
    return Path("calls").read_text().splitlines()
