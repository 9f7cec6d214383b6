"""The models of `conf/model`, by the names that never change."""

from seedsweep.problem.models import MLP, LogisticRegression, SoftmaxRegression, Standardize

__all__ = ["MLP", "LogisticRegression", "SoftmaxRegression", "Standardize"]
