"""What a run of a larger network costs in a fleet, against one by one.

`python benchmarks/networks.py [members …]` prints a table for 10, 100 and 1,000 members unless told otherwise: networks
on digits, minibatches of 64 rows, two epochs of Adam, nothing tracked. One by one is the mean of three runs by the
reference engine in the same invocation, after one to warm up.
"""

import sys
import time
from pathlib import Path
from typing import Any

from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the transformer is
from shared.commands import config
from shared.transformer import Transformer

from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble

ALONE = 3
MEMBERS = (10, 100, 1000)
USUAL = ("tracking=none", "data=digits", "data.batch_size=64", "trainer.max_epochs=2", "optimizer=adam")
TRANSFORMER = ("model=softmax_regression", "~model.init", f"model._target_=shared.transformer.{Transformer.__name__}")
NETWORKS = {
    "softmax regression": ("model=softmax_regression",),
    "MLP 64": ("model=mlp", "model.hidden=[64]"),
    "CNN 8, 16": ("model=cnn",),
    "GRU 16": ("model=rnn",),
    "transformer 16": TRANSFORMER,
}


def configurations(words: tuple[str, ...], members: int) -> list[dict[str, Any]]:
    """Members in pairs with equal seeds, at two rates."""
    composed = [resolve(config(*USUAL, *words, f"optimizer.lr={rate}")) for rate in (0.01, 0.001)]
    seeds = [number // 2 for number in range(members)]
    return [
        composed[number % 2] | {"seed": seed, "init_seed": seed, "order_seed": seed}
        for number, seed in enumerate(seeds)
    ]


def seconds_alone(words: tuple[str, ...]) -> float:
    """The mean time of a run by the reference engine."""
    configs = configurations(words, ALONE + 1)
    build(configs[-1]).train()
    start = time.perf_counter()
    for values in configs[:ALONE]:
        build(values).train()
    return (time.perf_counter() - start) / ALONE


def seconds_in_a_fleet(words: tuple[str, ...], members: int) -> float:
    """The time of a run in a fleet of so many, with what its making and its traces take."""
    configs = configurations(words, members)
    start = time.perf_counter()
    fleet.train(assemble(configs))
    return (time.perf_counter() - start) / members


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or list(MEMBERS)
    heads = [f"{size:,} members" for size in sizes]
    print("| network | parameters | alone, ms a run |" + "".join(f" {head} |" for head in heads))
    print("|---|---|---|" + "---|" * len(sizes))
    for name, words in track(NETWORKS.items(), disable=not sys.stderr.isatty(), transient=True):
        alone = seconds_alone(words)
        parameters = sum(value.numel() for value in build(configurations(words, 1)[0]).module.parameters())
        cells = []
        for size in sizes:
            together = seconds_in_a_fleet(words, size)
            cells.append(f"{1000 * together:.1f} ms, {alone / together:.0f}×")
        print(f"| {name} | {parameters:,} | {1000 * alone:.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
