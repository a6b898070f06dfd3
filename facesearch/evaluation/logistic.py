"""Logistic regression by Newton's method, from a given starting point and held near it."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_logistic"]

Floats = NDArray[np.float64]

STEPS, TOLERANCE = 60, 1e-11


def fit_logistic(features: Floats, targets: Floats, weights: Floats, start: Floats, *, price: float) -> Floats:
    """What to add to known log-odds: the coefficients of least weighted cross-entropy, with a price on their squares.

    Args:
        features: (n, k). targets: (n,) in [0, 1]. weights: (n,).
        start: (n,) log-odds that are known; coefficients of 0 leave them as they are.
        price: of a coefficient of 1, in the units of the weighted cross-entropy.

    Returns:
        (k,) float64.
    """
    coefficients = np.zeros(features.shape[1])
    loss = _loss(features, targets, weights, start, coefficients, price)
    for _ in range(STEPS):
        probability = np.exp(-np.logaddexp(0.0, -(start + features @ coefficients)))
        gradient = features.T @ (weights * (probability - targets)) + 2 * price * coefficients
        curved = features * (weights * probability * (1 - probability))[:, None]
        step = np.linalg.solve(features.T @ curved + 2 * price * np.eye(len(gradient)), gradient)
        while (after := _loss(features, targets, weights, start, coefficients - step, price)) > loss:
            step = step / 2
            if np.abs(step).max() < TOLERANCE:
                return coefficients
        coefficients = coefficients - step
        if loss - after < TOLERANCE:
            break
        loss = after
    return coefficients


def _loss(
    features: Floats, targets: Floats, weights: Floats, start: Floats, coefficients: Floats, price: float
) -> float:
    odds = start + features @ coefficients
    return float(weights @ (np.logaddexp(0.0, odds) - targets * odds) + price * coefficients @ coefficients)
