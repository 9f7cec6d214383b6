"""Gradients that are clipped, each member's by itself, as Lightning's Trainer does it by torch's own functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

KEYS = ("gradient_clip_val", "gradient_clip_algorithm")  # of the group trainer
EPSILON = 1e-6  # that `torch.nn.utils.clip_grad_norm_` adds to a norm


@dataclass(frozen=True)
class Clipping:
    """Clips to `limit`: every number of a gradient with `by_value`, else its norm."""

    limit: float
    by_value: bool

    def clip(self, gradients: Tensor) -> None:
        """Clip the gradients (r, P) of members, in place."""
        if self.by_value:
            gradients.clamp_(-self.limit, self.limit)
        else:
            norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
            gradients.mul_((self.limit / (norms + EPSILON)).clamp_(max=1))


def clipping(trainer: Mapping[str, Any]) -> Clipping | None:
    """How the keys of a trainer, checked by Lightning, have gradients clipped; None where they do not."""
    limit, algorithm = (trainer.get(key) for key in KEYS)
    return Clipping(limit, algorithm == "value") if limit and limit > 0 else None
