"""The models of `conf/model`, by the names that never change."""

from seedsweep.problem.image_models import CNN, RNN
from seedsweep.problem.models import MLP, LinearRegression, LogisticRegression, SoftmaxRegression, Standardize

__all__ = ["CNN", "MLP", "RNN", "LinearRegression", "LogisticRegression", "SoftmaxRegression", "Standardize"]
