"""The steps of a `Learner` as a Lightning module, for Lightning's Trainer."""

from typing import Any

from pytorch_lightning import LightningModule

from seedsweep.problem.module import Learner, optimization


class LightningLearner(Learner, LightningModule):
    """A `Learner` that Lightning's Trainer takes."""

    def configure_optimizers(self) -> Any:
        return optimization(self, self.optimizer, self.schedule, self.interval)
