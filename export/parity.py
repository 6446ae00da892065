"""Comparison of an exported model with the original: every reader must give the same outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.examples import Examples

TOLERANCE = 1e-5
TOLERANCE_OF = {"latent": 1e-6}  # noise is integer arithmetic and one Box-Muller step
SEEDS = ((7, 0), (7, 1), (0, 0), (-1, -(2**31)), (2**31 - 1, 5), (-123456789, 987654321))

Outputs = Mapping[str, np.ndarray]
Reader = Callable[[str, Mapping[str, np.ndarray]], Outputs]
Measure = Callable[[np.ndarray, np.ndarray], float]


def examples(model: Any, count: int, seed: int = 0) -> Examples:
    """Returns draws from the model, in the range of its likelihood; normal numbers for a density without samples.

    Args:
        model: built tfvae model.
        count: number of examples.
        seed: 32-bit integer that determines the draws.

    Returns:
        examples: the draws, with conditions of random zeros and ones if the model takes them.
    """
    from tfvae.models.conditional import Conditional
    from tfvae.models.contract import Density

    if not isinstance(model, Conditional):
        if isinstance(model, Density):
            normal = np.random.default_rng(seed).standard_normal((count, *model.event_shape))
            return Examples(normal.astype(np.float32))
        return Examples(np.asarray(model.sample(count, seed=seed, mean=False), np.float32))
    bits = np.random.default_rng(seed).random((count, *model.condition_shape)) < 0.5
    condition = bits.astype(np.float32)
    x = model.sample(1, seed=seed, mean=False, condition=condition)[0]
    return Examples(np.asarray(x, np.float32), condition)


def requests(
    model: Any, signatures: Mapping[str, Any], count: int = len(SEEDS)
) -> dict[str, dict[str, np.ndarray]]:
    """Returns a request of `count` different rows for each signature: {signature: {input: array}}."""
    seeds = np.array([SEEDS[row % len(SEEDS)] for row in range(count)], np.int32)
    seeds[:, 0] ^= np.arange(count, dtype=np.int32) // len(SEEDS) << 8
    values = {**examples(model, count, seed=1).arguments(), "seed": seeds}
    for signature in signatures.values():
        if "z" in signature.inputs:
            shape = (count, *signature.inputs["z"].shape[1:])
            values["z"] = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    return {name: {key: values[key] for key in signature.inputs} for name, signature in signatures.items()}


def reader_of(signatures: Mapping[str, Any]) -> Reader:
    """Returns the reader that runs the model's own functions in this process."""

    def read(name: str, request: Mapping[str, np.ndarray]) -> Outputs:
        outputs = signatures[name].function(**{key: _tensor(value) for key, value in request.items()})
        return {key: np.asarray(value) for key, value in outputs.items()}

    return read


def _tensor(value: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.constant(value)


def difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Returns max |received - expected| / max(1, |expected|); infinity for another shape or dtype, or NaN.

    Example:
        >>> difference(np.float32([1.0, 4.0]), np.float32([1.0, 5.0]))
        0.25
    """
    expected, received = np.asarray(expected), np.asarray(received)
    if expected.shape != received.shape or expected.dtype != received.dtype:
        return float("inf")
    gap = np.abs(received.astype(np.float64) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.max(gap, initial=0.0)) if np.isfinite(gap).all() else float("inf")


def rms_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Returns rms(received - expected) / max(1, rms(expected)); infinity as in `difference`."""
    if not np.isfinite(difference(expected, received)):
        return float("inf")
    gap = received.astype(np.float64) - expected
    return float(np.sqrt(np.mean(gap**2)) / max(1.0, np.sqrt(np.mean(np.square(expected, dtype=np.float64)))))


def differences(expected: Outputs, received: Outputs, measure: Measure = difference) -> dict[str, float]:
    """Returns the difference of each output by name; infinity for an output that only one side has."""
    names = {**expected, **received}
    return {
        name: measure(expected[name], received[name])
        if name in expected and name in received
        else float("inf")
        for name in names
    }


def tolerance(output: str) -> float:
    """Returns the largest permitted `difference` of an output."""
    return TOLERANCE_OF.get(output, TOLERANCE)


def compare(
    what: str,
    expected: Reader,
    received: Reader,
    inputs: Mapping[str, Mapping[str, np.ndarray]],
    limits: Callable[[str], float] = tolerance,
    measure: Measure = difference,
) -> float:
    """Compares the outputs of two readers.

    Args:
        what: name of the second reader in the message.
        expected, received: functions from (signature, request) to outputs.
        inputs: requests from `requests`.
        limits: function from the name of an output to its largest permitted difference.
        measure: function that computes the difference.

    Returns:
        worst: largest difference of any output.

    Raises:
        UserError: if an output differs by more. The message names it and its signature.
    """
    worst = 0.0
    for name, request in inputs.items():
        gaps = differences(expected(name, request), received(name, request), measure)
        for output, gap in gaps.items():
            if not gap <= limits(output):
                raise UserError(
                    f"{what} disagrees with the model in {output} of signature {name}",
                    expected=f"a difference of at most {limits(output):g}",
                    received=f"{gap:.3g}",
                )
            worst = max(worst, gap)
    return worst
