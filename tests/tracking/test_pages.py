"""The pages of MLflow's UI: short addresses, and views that show what matters."""

import json
from collections.abc import Callable

from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in


def test_the_address_of_a_sweep_is_a_line_and_opens_a_view_of_its_own(
    train: Callable[..., Ended], client: MlflowClient
) -> None:
    ended = train("-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=1")
    (address,) = (line for line in ended.out.splitlines() if line.startswith("http://127.0.0.1:5000/"))
    (sweep,) = runs_in(client, "sweep")
    assert len(address) <= 80
    assert address.endswith(f"/runs?viewStateShareKey={sweep.info.run_id[:8]}")
    tags = client.get_experiment(sweep.info.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{sweep.info.run_id[:8]}"])
    assert {run.info.run_id for run in client.search_runs([sweep.info.experiment_id], view["searchFilter"])} == {
        run.info.run_id for run in runs_in(client)
    }
    assert view["selectedColumns"][:3] == ["params.`optimizer`", "params.`seed`", "metrics.`val/loss`"]
    assert view["compareRunCharts"][0]["metricKey"] == "val/loss"
