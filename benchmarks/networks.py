"""What a run of a larger network costs in fleets, against one by one, on one core and on two.

`python benchmarks/networks.py [members …]` prints a table for 10, 100 and 1,000 members unless told otherwise:
networks on digits, minibatches of 64 rows, two epochs of Adam, nothing tracked, in chunks of as many as the engine
takes. One by one is the mean of three runs by the reference engine in the same invocation, after one to warm up. On
one core it is time of the processor, since others may use the machine, with what making fleets and their traces
takes. On two cores 100 members are trained, by two threads, or by two processes with half of them each, and one by
one is two processes, too: the shorter of two times that passed, of which the second is without traces. Networks
beyond the first five have at most 100.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tables import Table, times

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the transformer is
from shared.commands import config
from shared.transformer import Transformer

from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, chunk_size, chunks

ALONE = 3
MEMBERS, ON_TWO_CORES = (10, 100, 1000), 100
USUAL = ("tracking=none", "data=digits", "data.batch_size=64", "trainer.max_epochs=2", "optimizer=adam")
TRANSFORMER = ("model=softmax_regression", "~model.init", f"model._target_=shared.transformer.{Transformer.__name__}")
NETWORKS = {
    "softmax regression": ("model=softmax_regression",),
    "MLP 64": ("model=mlp", "model.hidden=[64]"),
    "CNN 8, 16": ("model=cnn",),
    "GRU 16": ("model=rnn",),
    "transformer 16": TRANSFORMER,
}
LARGE = {
    "MLP 256": ("model=mlp", "model.hidden=[256]"),
    "MLP 1024": ("model=mlp", "model.hidden=[1024]"),
    "CNN 32, 64": ("model=cnn", "model.channels=[32,64]"),
    "transformer 64": (*TRANSFORMER, "+model.width=64"),
    "transformer 128": (*TRANSFORMER, "+model.width=128"),
    "MLP 1024, 1024": ("model=mlp", "model.hidden=[1024,1024]"),
}


Clock = Callable[[], float]


def configurations(words: tuple[str, ...], members: int) -> list[dict[str, Any]]:
    """Members in pairs with equal seeds, at two rates."""
    composed = [resolve(config(*USUAL, *words, f"optimizer.lr={rate}")) for rate in (0.01, 0.001)]
    seeds = [number // 2 for number in range(members)]
    return [
        composed[number % 2] | {"seed": seed, "init_seed": seed, "order_seed": seed}
        for number, seed in enumerate(seeds)
    ]


def seconds_alone(words: tuple[str, ...], clock: Clock = time.perf_counter) -> float:
    """The mean time of a run by the reference engine."""
    configs = configurations(words, ALONE + 1)
    build(configs[-1]).train()
    start = clock()
    for values in configs[:ALONE]:
        build(values).train()
    return (clock() - start) / ALONE


def seconds_in_fleets(words: tuple[str, ...], members: int, clock: Clock = time.perf_counter) -> float:
    """The time of a run among so many."""
    configs = configurations(words, members)
    chunk_size(configs[0])  # tries the network, once for a sweep
    start = clock()
    for chunk in chunks(configs[0], np.arange(members)):
        fleet.train(assemble([configs[index] for index in chunk]))
    return (clock() - start) / members


def seconds_by_two_threads(words: tuple[str, ...], members: int) -> float:
    """The same where two threads share every operation, which the engine never does."""
    one_thread, fleet.one_thread = fleet.one_thread, nullcontext
    torch.set_num_threads(2)
    try:
        return seconds_in_fleets(words, members)
    finally:
        fleet.one_thread = one_thread
        torch.set_num_threads(1)


def main() -> None:
    torch.set_num_threads(1)
    sizes = [int(word) for word in sys.argv[1:]] or list(MEMBERS)
    heads = [f"{size:,} members" for size in sizes]
    two = ("alone, two cores", "two threads", "two processes")
    table = Table("network", "parameters", "alone, ms a run", "members at a time", *heads, *two)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for name, words in (NETWORKS | LARGE).items():
            alone = seconds_alone(words, time.process_time)
            alone_by_two = min(sum(pool.map(seconds_alone, [words] * 2)) / 4 for _ in range(2))
            first = configurations(words, 1)[0]
            parameters = sum(value.numel() for value in build(first).module.parameters())
            some = min(ON_TWO_CORES, max(sizes))
            fitting = [size for size in sizes if size <= (max(sizes) if name in NETWORKS else some)]
            together = [seconds_in_fleets(words, size, time.process_time) for size in fitting]
            by_threads = min(seconds_by_two_threads(words, some) for _ in range(2))
            by_two = min(sum(pool.map(seconds_in_fleets, [words] * 2, [some // 2] * 2)) / 4 for _ in range(2))
            cells = [f"{1e3 * seconds:.1f} ms, {times(alone, seconds)}" for seconds in together]
            on_two = [f"{1e3 * seconds:.1f} ms, {times(alone_by_two, seconds)}" for seconds in (by_threads, by_two)]
            cells += ["–"] * (len(sizes) - len(cells)) + [f"{1e3 * alone_by_two:.0f} ms", *on_two]
            table.row(name, f"{parameters:,}", f"{1e3 * alone:.0f}", chunk_size(first), *cells)


if __name__ == "__main__":
    main()
