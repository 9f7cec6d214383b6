"""A small transformer that reads the lines of an image as tokens."""

import math

import torch
from torch import Tensor, nn


class Transformer(nn.Module):
    """One encoder layer over the lines of a square image, then one linear layer of their mean."""

    def __init__(self, features: int, classes: int, width: int = 16, heads: int = 2):
        super().__init__()
        self.side = math.isqrt(features)
        self.embed = nn.Linear(self.side, width)
        self.places = nn.Parameter(torch.zeros(self.side, width))
        self.encoder = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.linear = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        lines = self.embed(x.unflatten(1, (self.side, self.side))) + self.places
        logits: Tensor = self.linear(self.encoder(lines).mean(dim=1))
        return logits
