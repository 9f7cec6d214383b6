"""Recording one finished run (15 params, 20 points, 10 tags), against `MlflowClient` used plainly.

    python benchmarks/tracking.py [repetitions]

On two cores:

    MlflowClient used plainly   118.4 ms a run   1.00×
    seedsweep                    26.9 ms a run   0.23×
"""

import statistics
import sys
import tempfile
import time

from mlflow import MlflowClient

from seedsweep import store
from seedsweep.planning import PlannedRun
from seedsweep.results import Point, RunResult
from seedsweep.tracking import experiment_id, record_run

PARAMS = {f"optimizer.param_{index}": str(index) for index in range(15)}
POINTS = [Point(f"metric_{index % 4}", 60 * (index // 4 + 1), index // 4, 0.5) for index in range(20)]


def ours(uri: str) -> None:
    planned = PlannedRun(0, "adam lr=0.01 seed=3", "adam lr=0.01", "0" * 16, "ours", PARAMS)
    with record_run({"uri": uri, "sweep": None}, planned, "lightning", "0" * 16) as record:
        record.publish(POINTS)
        record.finish(RunResult("finished", POINTS), {})


def plainly(client: MlflowClient, experiment: str) -> None:
    """Call by call, as a training loop would."""
    run_id = client.create_run(experiment).info.run_id
    for index in range(10):
        client.set_tag(run_id, f"tag_{index}", "value")
    for key, value in PARAMS.items():
        client.log_param(run_id, key, value)
    for point in POINTS:
        client.log_metric(run_id, point.metric, point.value, step=point.step)
    client.set_terminated(run_id)


def main(repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        client = store.connect(uri, create=True)
        experiment = experiment_id(client, "plainly")
        seconds: dict[str, list[float]] = {"MlflowClient used plainly": [], "seedsweep": []}
        for _ in range(repetitions + 1):
            start = time.perf_counter()
            plainly(client, experiment)
            middle = time.perf_counter()
            ours(uri)
            seconds["MlflowClient used plainly"].append(middle - start)
            seconds["seedsweep"].append(time.perf_counter() - middle)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:26s} {median * 1e3:6.1f} ms a run   {median / medians['MlflowClient used plainly']:.2f}×")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
