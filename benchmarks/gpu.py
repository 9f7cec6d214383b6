"""Fleets on a GPU: as equal to those on the CPU as rounding has it, and what a run costs there.

    python benchmarks/gpu.py [--quick]

One table, in less than five minutes: networks on digits, minibatches of 64 rows, two epochs, momentum and Adam, ten
runs of each seed. The exit code is 1 where a loss on the GPU is further from the same one on the CPU than `BOUNDS`,
relative to losses beyond 1, or where a step waits for the GPU. One by one is the mean of three runs on the GPU after
one to warm up; fleets on the CPU have 100 members at most. A step is that of the network alone, without its
optimizer, as it is trained, and replayed as a CUDA graph. Where there is no GPU everything is on the CPU; `--quick`
tries the script.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import networks
import numpy as np
import torch
from tables import Table, times

from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, bytes_of_step, chunks
from seedsweep.engine.fleet.members import Fleet
from seedsweep.engine.fleet.state import TrainingState
from seedsweep.outcomes import FleetResult

QUICK = "--quick" in sys.argv
MEMBERS = (4,) if QUICK else (10, 100, 1_000, 10_000)
ON_CPU, ALONE, STEPS = min(100, MEMBERS[-1]), 1 if QUICK else 3, 1 if QUICK else 50
NAMES = ("softmax regression", "MLP 64", "MLP 1024", "CNN 8, 16", "transformer 16", "transformer 64")
NETWORKS = {name: (networks.NETWORKS | networks.LARGE)[name] for name in (NAMES[:2] if QUICK else NAMES)}
BOUNDS = {"64-true": 1e-9, "32-true": 1e-4}
USUAL = ("data.batch_size=256", "trainer.max_epochs=1") if QUICK else ()
RUNS = (
    "optimizer=adam",
    "optimizer=momentum",
    "optimizer=adam optimizer.lr=0.003",
    "optimizer=momentum optimizer.lr=0.03",
)
Configs = list[dict[str, Any]]


def device() -> str:
    """Of the fleets that are measured."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def configurations(words: tuple[str, ...], members: int, on: str, precision: str = "32-true") -> Configs:
    place = (f"trainer.accelerator={'gpu' if on == 'cuda' else 'cpu'}", f"trainer.precision={precision}")
    shared = (*networks.USUAL, *USUAL, *words, *place)
    composed = [resolve(networks.config(*shared, *run.split())) for run in RUNS]
    seeds = [number // 10 for number in range(members)]
    return [
        composed[number % len(RUNS)] | {"seed": seed, "init_seed": seed, "order_seed": seed}
        for number, seed in enumerate(seeds)
    ]


def apart(words: tuple[str, ...], precision: str) -> float:
    """The largest difference of a loss of a fleet here and on the CPU."""
    here, there = (losses(assembled(words, on, precision)) for on in (device(), "cpu"))
    return float(np.max(np.abs(here - there) / np.maximum(1, np.abs(there))))


def assembled(words: tuple[str, ...], on: str, precision: str = "32-true") -> Fleet:
    return assemble(configurations(words, len(RUNS), on, precision))


def losses(trained: Fleet) -> np.ndarray:
    result: FleetResult = fleet.train(trained)
    return np.concatenate([column.values for column in result.columns if "loss" in column.metric])


def seconds_in_fleets(configs: Configs) -> float:
    """Of each run, with what making its fleet and the traces takes."""
    start = time.perf_counter()
    for chunk in chunks(configs[0], np.arange(len(configs))):
        fleet.train(assemble([configs[index] for index in chunk]))
    return (time.perf_counter() - start) / len(configs)


def seconds_alone(configs: Configs) -> float:
    build(configs[-1]).train()
    start = time.perf_counter()
    for values in configs[:ALONE]:
        build(values).train()
    return (time.perf_counter() - start) / ALONE


def seconds_of(call: Callable[[], Any]) -> float:
    """Of each of some calls, from when the device has nothing to do until it has done them."""
    call()
    wait = torch.cuda.synchronize if device() == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    for _ in range(STEPS):
        call()
    wait()
    return (time.perf_counter() - start) / STEPS


def seconds_of_a_step(made: Fleet) -> tuple[float, float | None]:
    """Of a network's step as it is trained, none of which may wait for the device; and as a CUDA graph."""
    with torch.inference_mode():
        rows = tuple(column.to(made.dtype if column.is_floating_point() else column.dtype).to(made.device)
                     for column in made.splits.train.tensors)  # fmt: skip
        state = TrainingState(made, len(rows[0]))
        state.begin_epoch(0, state.layout.members >= 0)
        batch = next(state.minibatches(rows))
        state.step(batch)  # traces
        vectors = state.parameters[state.layout.slots]
        kept = {name: value[state.layout.slots] for name, value in state.kept.items()}

        def step() -> None:
            made.module.train(vectors, kept, batch)

        if device() == "cpu":
            return seconds_of(step), None
        torch.cuda.set_sync_debug_mode("error")
        try:
            state.step(batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        seconds, graph = seconds_of(step), torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                step()
        except RuntimeError as error:
            print(f"no CUDA graph: {error}", file=sys.stderr)
            return seconds, None
        return seconds, seconds_of(graph.replay)


def main() -> int:
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # which has convolutions of 32 bits computed with ten bits of them
    is_equal, on = True, device()
    print(torch.cuda.get_device_name() if on == "cuda" else "no GPU is here: all is on the CPU", file=sys.stderr)
    heads = ("apart, 64 bits", "32 bits", "members", "fleet, ms a run", "one by one", "fleet on the CPU")
    table = Table("network", *heads, "a step, ms", "as a CUDA graph", "MB a member", "as estimated")
    for name, words in NETWORKS.items():
        differences = {precision: apart(words, precision) for precision in BOUNDS}
        is_equal &= all(differences[precision] <= bound for precision, bound in BOUNDS.items())
        equality = [f"{difference:.0e}" for difference in differences.values()]
        alone = seconds_alone(configurations(words, ALONE + 1, on))
        by_cpu = seconds_in_fleets(configurations(words, ON_CPU, "cpu"))
        for members in MEMBERS:
            configs = configurations(words, members, on)
            if on == "cuda":
                torch.cuda.reset_peak_memory_stats()
            together = seconds_in_fleets(configs)
            first = next(chunks(configs[0], np.arange(members)))
            peak = torch.cuda.max_memory_allocated() / len(first) if on == "cuda" else None
            estimated = bytes_of_step(configs[0]["model"], configs[0]["data"], "32-true")
            step, captured = seconds_of_a_step(assemble([configs[index] for index in first]))
            of_fleet = (f"{members:,}", f"{1e3 * together:.2f}", times(alone, together), times(by_cpu, together))
            of_step = (f"{1e3 * step:.2f}", captured and times(step, captured))
            memory = (peak and f"{peak / 1e6:.2f}", f"{estimated / 1e6:.2f}")
            table.row(name, *equality, *of_fleet, *of_step, *memory)
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
