"""Runs whose scores are made by hand, and what is concluded from them."""

from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.compare import Comparison

SEEDS = 20


def runs(levels: dict[tuple[str, float], float], seeds: int = SEEDS, noise: float = 0.1, **params: Any) -> pd.DataFrame:
    """Runs of (optimizer, learning rate) with that mean validation loss; most of their noise is common to a seed."""
    generator = np.random.default_rng(1)
    common_noise, rows = generator.normal(size=seeds), []
    for (optimizer, rate), level in levels.items():
        own_noise = 0.3 * generator.normal(size=seeds)
        for seed in range(seeds):
            loss = level + noise * (common_noise[seed] + own_noise[seed])
            row = {"run": f"{optimizer}{rate}-{seed}", "optimizer": optimizer, "optimizer.lr": rate, "seed": seed}
            rows.append(row | {"outcome": "finished", "val/loss": loss, "test/loss": loss + 0.05} | params)
    return pd.DataFrame(rows)


def sentences(comparison: Comparison, question: str) -> list[str]:
    return [verdict.sentence for verdict in comparison.verdicts if verdict.question == question]
