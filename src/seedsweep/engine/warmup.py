"""A schedule that torch has in parts: a linear warm-up, then half a cosine to the end of the training."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


class WarmupCosine(SequentialLR):
    """From `start_factor` times the learning rate up to it in a line, then along half a cosine to `eta_min`.

    Args:
        optimizer: whose rate it sets.
        total_steps: steps until the rate is `eta_min`; that of a run is given by the tool.
        warmup_steps: steps until the rate is reached, 0 for none; where there are as many in all, it ends with these.
        start_factor: of the rate in the first step, greater than 0.
        eta_min: the last rate.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        warmup_steps: int = 20,
        start_factor: float = 0.01,
        eta_min: float = 0.0,
    ):
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps={warmup_steps} must not be negative")
        falling = max(1, total_steps - warmup_steps)
        warmup = LinearLR(optimizer, start_factor, total_iters=warmup_steps)
        cosine = CosineAnnealingLR(optimizer, falling, eta_min)
        super().__init__(optimizer, [warmup, cosine], [warmup_steps])
