"""The exact minimum of the training loss of a linear model, with the numbers that prove it.

The mean cross-entropy of logistic and softmax regression is convex, and its third derivative along any unit direction
is at most R times its second, R being the length of the longest row of the design (√2 times that for softmax). So where
the gradient's norm is g and the Hessian's smallest eigenvalue is c > R g, the slope along every line is positive beyond
the distance r = -log(1 - R g / c) / R: a minimum exists within r, and the value is at most g r above it.
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

Existence = Literal["found", "separable", "unproven"]

MOST = 4096  # parameters, since their Hessian is a matrix
ITERATIONS = 100
ROUNDING = 1e-13  # of eigenvalues, relative to the largest


@dataclass(frozen=True, eq=False)
class Optimum:
    """The minimum of a training loss in nats, or why there is none.

    `outcome` is `found`; `separable`, if a hyperplane has no row on its wrong side, and some on its right side, so that
    the loss falls for ever along it; or `unproven`, if neither could be proved in 64-bit numbers. `value` is the loss
    (with the weight decay's term) at `parameters` (outputs, d + 1), the bias last, at most `error` above the minimum
    besides rounding; `gradient_norm` is that of all parameters. The proof: `slope` and `curvature` are g and c of the
    module's docstring in the coordinates of the solver, in which no direction is flat by symmetry, and `reach` is R.
    """

    outcome: Existence
    rows: int
    outputs: int
    weight_decay: float
    iterations: int
    value: float | None = None
    error: float | None = None
    gradient_norm: float | None = None
    slope: float | None = None
    curvature: float | None = None
    reach: float | None = None
    parameters: np.ndarray | None = None

    def as_json(self) -> str:
        values = {key: value for key, value in asdict(self).items() if value is not None}
        return json.dumps(values, default=np.ndarray.tolist)


def optimum(
    x: np.ndarray, y: np.ndarray, classes: int, weight_decay: float = 0.0, outputs: int | None = None
) -> Optimum:
    """The minimum of a linear model's mean cross-entropy, over its weights and biases.

    Args:
        x: rows (n, d).
        y: their classes (n,), integers from 0 to k - 1.
        classes: k.
        weight_decay: torch's coupled one, w: w/2 times the sum of squares of all parameters, also of biases, is added.
        outputs: 1 for logistic regression (the default for two classes), k for softmax regression.

    Returns:
        The minimum with what proves it, or why there is none.

    Raises:
        ValueError: an argument is of the wrong shape, type or size.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y)
    outputs = outputs or (1 if classes == 2 else classes)
    _check(x, y, classes, weight_decay, outputs)
    y = y.astype(np.int64)
    loss = _Loss(design := np.column_stack([x, np.ones(len(x))]), y, classes, weight_decay, outputs)
    theta, iterations = np.zeros(loss.size), 0
    while iterations < ITERATIONS and (moved := _newton(loss, theta)) is not None:
        theta, iterations = moved, iterations + 1
        if weight_decay == 0 and loss.separates(theta):
            return Optimum("separable", len(y), outputs, 0.0, iterations)
    about = len(y), outputs, float(weight_decay), iterations
    slope, curvature, reach = float(np.linalg.norm(loss.gradient(theta))), loss.curvature(theta), loss.reach
    if curvature <= reach * slope:
        return Optimum("separable" if weight_decay == 0 and loss.separable() else "unproven", *about)
    error = -slope * float(np.log1p(-reach * slope / curvature)) / reach
    parameters = loss.parameters(theta)
    gradient = loss.residuals(theta)[:, -outputs:].T @ design / len(y) + weight_decay * parameters
    norm = float(np.linalg.norm(gradient))
    return Optimum("found", *about, loss(theta), error, norm, slope, curvature, reach, parameters)


def _newton(loss: "_Loss", theta: np.ndarray) -> np.ndarray | None:
    """Where a Newton step leads that lowers the loss, or the gradient alone once the loss has but rounding to lose."""
    gradient = loss.gradient(theta)
    try:
        step = -np.linalg.solve(loss.hessian(theta), gradient)
    except np.linalg.LinAlgError:  # flat, as far as numbers go
        return None
    value, slope = loss(theta), float(gradient @ step)
    if not -np.inf < slope < -1e-30:  # nothing that numbers could show
        return None
    if -slope < 1e-10 * value:
        return theta + step if np.linalg.norm(loss.gradient(theta + step)) < np.linalg.norm(gradient) else None
    for length in 0.5 ** np.arange(50):
        if loss(theta + length * step) <= value + 1e-4 * length * slope:
            return np.asarray(theta + length * step)
    return None


class _Loss:
    """The loss as a function of a vector (m r,), in coordinates that leave out what is flat by symmetry.

    Of a softmax, only contrasts of its k outputs matter (and the sum of the outputs is 0 at the minimum with weight
    decay): `contrasts` (k, m) is an orthonormal basis of them. Without weight decay, the columns of the design can be
    replaced by an orthonormal basis (n, r) of their span, which leaves out those that follow from others.
    """

    def __init__(self, design: np.ndarray, y: np.ndarray, classes: int, weight_decay: float, outputs: int):
        from scipy.linalg import helmert

        self.y, self.decay, self.outputs = y, weight_decay, outputs
        self.contrasts = np.array([[0.0], [1.0]]) if outputs == 1 else helmert(classes).T
        self.rows, self.back = design, np.eye(design.shape[1])
        if weight_decay == 0:
            left_vectors, singular, right_vectors = np.linalg.svd(design, full_matrices=False)
            rank = int((singular > singular[0] * max(design.shape) * np.finfo(float).eps).sum())
            self.rows = left_vectors[:, :rank] * np.sqrt(len(y))
            self.back = right_vectors[:rank].T / singular[:rank] * np.sqrt(len(y))
        self.shape = self.contrasts.shape[1], self.rows.shape[1]
        self.size = self.shape[0] * self.shape[1]
        self.reach = float(np.linalg.norm(self.rows, axis=1).max()) * (1 if outputs == 1 else math.sqrt(2))

    def __call__(self, theta: np.ndarray) -> float:
        return float(-self._logarithms(theta)[np.arange(len(self.y)), self.y].mean() + self.decay / 2 * theta @ theta)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        slopes = (self.residuals(theta) @ self.contrasts).T @ self.rows / len(self.y)
        return np.asarray(slopes.ravel() + self.decay * theta)

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        probabilities = np.exp(self._logarithms(theta))
        means = probabilities @ self.contrasts
        hessian = self.decay * np.eye(self.size).reshape(*self.shape, *self.shape)
        for a, contrast_a in enumerate(self.contrasts.T):
            for b, contrast_b in enumerate(self.contrasts.T[: a + 1]):
                weights = probabilities @ (contrast_a * contrast_b) - means[:, a] * means[:, b]
                hessian[a, :, b] += (self.rows.T * weights) @ self.rows / len(self.y)
                hessian[b, :, a] = hessian[a, :, b]
        return hessian.reshape(self.size, self.size)

    def curvature(self, theta: np.ndarray) -> float:
        """The smallest eigenvalue of the Hessian, less what may be rounding."""
        values = np.linalg.eigvalsh(self.hessian(theta))
        return float(max(values[0] - ROUNDING * values[-1], self.decay))

    def parameters(self, theta: np.ndarray) -> np.ndarray:
        """The weights and biases (outputs, d + 1); of those that give the same logits, the shortest."""
        combined = theta.reshape(self.shape) @ self.back.T
        return np.asarray(combined if self.outputs == 1 else self.contrasts @ combined)

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """The derivatives (n, k) of the rows' losses by the logits, of which logistic regression has only the last."""
        probabilities = np.exp(self._logarithms(theta))
        probabilities[np.arange(len(self.y)), self.y] -= 1
        return np.asarray(probabilities)

    def separates(self, theta: np.ndarray) -> bool:
        """Whether every row is on the right side, by more than rounding: then all of them can go for ever further."""
        rows, sides = self._sides()
        return bool(((rows @ theta.reshape(self.shape).T) * sides).sum(axis=1).min() > 1e-10 * np.abs(theta).max())

    def separable(self) -> bool:
        """Whether some direction takes no row to its wrong side and some row to its right side: a linear program.

        Its greatest sum of margins, each from 0 to 1, is 0 if there is none; else a longer vector has one of 1.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        rows, sides = self._sides()
        margins = (sides[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        limits = {"constraints": LinearConstraint(margins, 0, 1), "bounds": Bounds(-np.inf, np.inf)}
        theta = milp(-margins.sum(axis=0), **limits, options={"time_limit": 60}).x  # in seconds
        return theta is not None and bool((margins @ theta).max() > 0.5 and (margins @ theta).min() > -1e-4)

    def _sides(self) -> tuple[np.ndarray, np.ndarray]:
        """For each row and each wrong class: the row (r,), and the contrast (m,) of its class with the wrong one."""
        wrong = np.arange(len(self.contrasts)) != self.y[:, None]
        sides = self.contrasts[self.y][:, None] - self.contrasts
        return np.repeat(self.rows, wrong.shape[1] - 1, axis=0), sides[wrong]

    def _logarithms(self, theta: np.ndarray) -> np.ndarray:
        """The logarithms of the probabilities (n, k)."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(self.rows @ theta.reshape(self.shape).T @ self.contrasts.T, axis=1))


def _check(x: np.ndarray, y: np.ndarray, classes: int, weight_decay: float, outputs: int) -> None:
    for holds, wrong in (
        (classes > 1, f"classes={classes}: must be at least 2"),
        (x.ndim == 2 and len(x) and np.isfinite(x).all(), f"x {x.shape}: must be finite numbers (n, d), n at least 1"),
        (y.shape == x.shape[:1], f"y {y.shape}: must be a class for each row of x {x.shape}"),
        (np.isin(y, range(classes)).all(), f"y: must be integers from 0 to {classes - 1}"),
        (0 <= weight_decay < np.inf, f"weight_decay={weight_decay}: must be a finite number of at least 0"),
        (outputs == classes or outputs == 1 == classes - 1, f"outputs={outputs}: must be {classes}, or 1 of 2 classes"),
        (outputs * (x.shape[-1] + 1) <= MOST, f"outputs={outputs}: must make at most {MOST} parameters"),
    ):
        if not holds:
            raise ValueError(wrong)
