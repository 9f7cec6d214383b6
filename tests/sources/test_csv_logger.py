"""Folders of Lightning's CSVLogger."""

import warnings
from pathlib import Path

import pytest
from shared.foreign import answer, prepare, results

from seedsweep.errors import ConfigError

HPARAMS = """activation: !!python/name:torch.nn.functional.relu ''
extra: !!python/object/apply:os.system ['touch {canary}']
net:
  width: 16
  options: !custom {{a: 1}}
optimizer: {optim}
lr: {lr}
seed: {random_state}
"""


def logs(root: Path, levels: int = 1) -> Path:
    """Runs as CSVLogger writes them: a row for each moment, in which the other metrics are empty."""
    for number, run in enumerate(results().to_dict("records")):
        folder = root / (f"version_{number}" if levels == 1 else f"{run['optim']}_{number}/version_0")
        folder.mkdir(parents=True)
        (folder / "hparams.yaml").write_text(HPARAMS.format(**run, canary=root / "canary"))
        rows = ["epoch,step,train_loss_step,val_loss"]
        for epoch in range(2):
            rows += [f"{epoch},{5 * epoch + 4},{run['loss']},", f"{epoch},{5 * epoch + 4},,{run['loss'] + 1 - epoch}"]
        (folder / "metrics.csv").write_text("\n".join(rows))
    return root


@pytest.mark.parametrize("levels", [1, 2])
def test_folders_of_versions_are_runs(tmp_path: Path, levels: int) -> None:
    root = logs(tmp_path / "lightning_logs", levels)
    ready = prepare(str(root))
    assert answer(str(root)).verdicts[0].winner == "adam"
    assert (ready.question["metric"], ready.question["by"], ready.question["at"]) == ("val_loss", "optimizer", ["lr"])
    assert "metrics train_loss_step, val_loss" in ready.lines[0]
    assert ready.curves is not None
    assert sorted(set(ready.curves["step"])) == [4, 9]
    assert sorted(set(ready.curves["epoch"])) == [0, 1]


def test_params_are_read_without_running_anything(tmp_path: Path) -> None:
    root = logs(tmp_path / "logs")
    ready = prepare(str(root), by="optimizer", at=["lr", "net.width", "net.options.a"])
    assert not (root / "canary").exists()
    assert set(ready.runs["net.width"]) == {16}
    assert set(ready.runs["net.options.a"]) == {1}


def test_a_run_without_points_is_missing_and_one_that_ends_in_nan_diverged(tmp_path: Path) -> None:
    root = logs(tmp_path / "logs")
    (root / "version_0" / "metrics.csv").write_text("")
    with (root / "version_1" / "metrics.csv").open("a") as file:
        file.write("\n2,14,,nan")
    outcomes = prepare(str(root)).runs["outcome"].value_counts()
    assert outcomes.to_dict() == {"finished": 30, "diverged": 1, "missing": 1}


def test_broken_params_are_named(tmp_path: Path) -> None:
    root = logs(tmp_path / "logs")
    (root / "version_3" / "hparams.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"version_3/hparams.yaml: is no YAML that can be read"):
        prepare(str(root))


def test_tables_and_folders_are_not_mixed(tmp_path: Path) -> None:
    root = logs(tmp_path / "logs")
    results().to_csv(tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="compare one kind at a time"):
        prepare([str(root), str(tmp_path / "a.csv")])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The `srun` command is available")  # Lightning's own, where Slurm is installed
def test_what_lightning_writes_is_read(tmp_path: Path) -> None:
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.loggers import CSVLogger
    from torch.nn.functional import binary_cross_entropy_with_logits
    from torch.utils.data import DataLoader, TensorDataset

    class Classifier(pl.LightningModule):
        def __init__(self, optimizer: str, seed: int, net: dict[str, int]) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            loss = binary_cross_entropy_with_logits(self.layer(batch[0])[:, 0], batch[1])
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
            self.log("val_loss", binary_cross_entropy_with_logits(self.layer(batch[0])[:, 0], batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
            return kinds[self.hparams["optimizer"]](self.parameters(), lr=0.1)

    features = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    batches = DataLoader(TensorDataset(features, (features.sum(1) > 0).float()), batch_size=16)
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    for optimizer in ("adam", "sgd"):
        for seed in range(3):
            pl.seed_everything(seed, verbose=False)
            logger = CSVLogger(tmp_path, name="logs")
            trainer = pl.Trainer(max_epochs=2, logger=logger, accelerator="cpu", log_every_n_steps=2, **quiet)  # type: ignore[arg-type]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Lightning and torch among themselves
                trainer.fit(Classifier(optimizer, seed, {"width": 16}), batches, batches)
    ready = prepare(str(tmp_path / "logs"))
    assert "6 runs; params optimizer; metrics train_loss_epoch, train_loss_step, val_loss" in ready.lines[0]
    assert answer(str(tmp_path / "logs")).verdicts[0].kind
    assert set(ready.runs["outcome"]) == {"finished"}
