"""Models come back from the store as they were trained, and nothing else does."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from safetensors import safe_open
from shared.commands import Ended
from shared.stores import runs_in
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import seedsweep


def test_model_comes_back_ready_to_predict(train: Callable[..., Ended], client: MlflowClient) -> None:
    for model in ("logistic_regression", "mlp model.hidden=[3,2]", "softmax_regression"):
        train(*f"model={model} optimizer=adam optimizer.lr=0.1".split())
    for run in runs_in(client):
        model = seedsweep.load_model(run.info.run_id)
        data = load_breast_cancer(as_frame=True)
        columns = ["mean radius", "mean texture", "mean smoothness", "mean concavity"]
        _, x, _, y = train_test_split(
            data.data[columns], data.target, test_size=0.3, random_state=42, stratify=data.target
        )
        _, x, _, y = train_test_split(x, y, test_size=0.5, random_state=42, stratify=y)
        with torch.no_grad():
            logits = model(torch.tensor(x.to_numpy(), dtype=torch.float32))
        predicted = logits > 0 if logits.ndim == 1 else logits.argmax(1)
        accuracy = (predicted.int().numpy() == y).mean()
        assert accuracy == pytest.approx(run.data.metrics["test/accuracy"])
        assert not model.training


def test_store_cannot_make_load_model_call_anything(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    train("trainer.max_epochs=1")
    (run,) = runs_in(client)
    file = client.download_artifacts(run.info.run_id, "weights.safetensors", str(tmp_path))
    save_file(
        load_file(file), file, metadata={"class": "subprocess.Popen", "arguments": json.dumps({"args": ["true"]})}
    )
    client.log_artifact(run.info.run_id, file)
    with pytest.raises(TypeError, match="subprocess.Popen"):
        seedsweep.load_model(run.info.run_id)


def test_a_module_that_the_store_names_is_imported_only_if_it_is_trusted(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    (tmp_path / "their_net.py").write_text(
        "from pathlib import Path\nfrom seedsweep.model import LogisticRegression\nPath('ran').touch()\n"
        "class Net(LogisticRegression): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    train("trainer.max_epochs=1")
    (run,) = runs_in(client)
    file = client.download_artifacts(run.info.run_id, "weights.safetensors", str(tmp_path))
    weights, header = load_file(file), dict(safe_open(file, "pt").metadata())

    def loaded(*without: str, trust: tuple[str, ...] = (), **changed: str) -> torch.nn.Module:
        described = {key: value for key, value in (header | changed).items() if key not in without}
        save_file(weights, file, metadata=described)
        client.log_artifact(run.info.run_id, file)
        return seedsweep.load_model(run.info.run_id, trust=trust)

    with pytest.raises(seedsweep.ConfigError, match=r"trust=\[\]: their_net.Net .* trust=\['their_net'\]"):
        loaded(**{"class": "their_net.Net"})
    assert not (tmp_path / "ran").exists()
    assert loaded(trust=("their_net",), **{"class": "their_net.Net"}) is not None
    assert (tmp_path / "ran").exists()
    assert loaded(**{"class": "their_net.Net"}) is not None, "which is imported already"
    for key in ("class", "arguments"):
        with pytest.raises(seedsweep.ConfigError, match=f"the header of its weights has no {key}"):
            loaded(key)
    for wrong in ({"arguments": "{"}, {"arguments": '{"features": 3}'}, {"mean": "null"}, {"arguments": "[]"}):
        with pytest.raises(seedsweep.ConfigError, match="its weights do not fit seedsweep.model.LogisticRegression"):
            loaded(**wrong)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_large_mean_with_a_small_spread_gives_the_recorded_loss(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path, dtype: torch.dtype
) -> None:
    spread = 600 if dtype == torch.float64 else 600_000  # seconds, of which float32 itself tells those 128 apart
    time = 1.7e9 + np.random.default_rng(0).uniform(0, spread, 400).round()
    target = (time > 1.7e9 + spread / 2).astype(int)
    pd.DataFrame({"time": time, "y": target}).to_csv(tmp_path / "t.csv", index=False)
    assert train("data=table", "data.path=t.csv", "data.target=y", "optimizer.lr=1").code == 0
    (run,) = runs_in(client)
    _, x, _, y = train_test_split(time, target, test_size=0.3, random_state=42, stratify=target)
    _, x, _, y = train_test_split(x, y, test_size=0.5, random_state=42, stratify=y)
    with torch.no_grad():
        logits = seedsweep.load_model(run.info.run_id)(torch.tensor(x, dtype=dtype).unsqueeze(1))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y).float())
    assert float(loss) == pytest.approx(run.data.metrics["test/loss"], rel=1e-5 if dtype == torch.float64 else 1e-2)
