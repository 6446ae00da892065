"""The ladder of agreement: what every reader of an export is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tfvae.checks import UserError

TOLERANCE = 1e-5
TOLERANCE_OF = {"latent": 1e-6}  # noise is integer arithmetic and one Box-Muller step
SEEDS = ((7, 0), (7, 1), (0, 0), (-1, -(2**31)), (2**31 - 1, 5), (-123456789, 987654321))

Outputs = Mapping[str, np.ndarray]
Reader = Callable[[str, Mapping[str, np.ndarray]], Outputs]
Measure = Callable[[np.ndarray, np.ndarray], float]


def examples(model, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns draws from the model itself as its methods take them: {"x": [count, *event_shape]}, examples in the range
    that its likelihood has; with {"condition": ...}, of random zeros and ones, where it has a condition."""
    if not model.takes_condition:
        return {"x": np.asarray(model.sample(count, seed=seed, mean=False), np.float32)}
    bits = np.random.default_rng(seed).random((count, *model.condition_shape)) < 0.5
    condition = bits.astype(np.float32)
    x = model.sample(1, seed=seed, mean=False, condition=condition)[0]
    return {"x": np.asarray(x, np.float32), "condition": condition}


def requests(model, signatures, count: int = len(SEEDS)) -> dict[str, dict[str, np.ndarray]]:
    """Returns a request of `count` different rows for each signature: {signature: {input: array}}."""
    seeds = np.array([SEEDS[row % len(SEEDS)] for row in range(count)], np.int32)
    seeds[:, 0] ^= np.arange(count, dtype=np.int32) // len(SEEDS) << 8
    values = examples(model, count, seed=1) | {"seed": seeds}
    if model.latents:
        shape = (count, *model.posterior_head.event_shape)
        values["z"] = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    return {name: {key: values[key] for key in signature.inputs} for name, signature in signatures.items()}


def reader_of(signatures) -> Reader:
    """Returns the reader that runs the model's own functions in this process."""

    def read(name, request):
        outputs = signatures[name].function(**{key: _tensor(value) for key, value in request.items()})
        return {key: np.asarray(value) for key, value in outputs.items()}

    return read


def _tensor(value):
    import tensorflow as tf

    return tf.constant(value)


def difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Returns max |received - expected| / max(1, |expected|); infinity for another shape, dtype or for NaN."""
    expected, received = np.asarray(expected), np.asarray(received)
    if expected.shape != received.shape or expected.dtype != received.dtype:
        return float("inf")
    gap = np.abs(received.astype(np.float64) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.max(gap, initial=0.0)) if np.isfinite(gap).all() else float("inf")


def rms_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Returns the root mean square of received - expected over that of expected or 1; infinity as `difference`."""
    if not np.isfinite(difference(expected, received)):
        return float("inf")
    gap = received.astype(np.float64) - expected
    return float(np.sqrt(np.mean(gap**2)) / max(1.0, np.sqrt(np.mean(np.square(expected, dtype=np.float64)))))


def differences(expected: Outputs, received: Outputs, measure: Measure = difference) -> dict[str, float]:
    """Returns a measure of the difference by output; infinity for one that only one side has."""
    names = {**expected, **received}
    return {
        name: measure(expected[name], received[name])
        if name in expected and name in received
        else float("inf")
        for name in names
    }


def tolerance(output: str) -> float:
    """Returns the largest `difference` that an output may show."""
    return TOLERANCE_OF.get(output, TOLERANCE)


def compare(
    what: str,
    expected: Reader,
    received: Reader,
    asked: Mapping,
    limits: Callable[[str], float] = tolerance,
    measure: Measure = difference,
) -> float:
    """Holds one reader to another.

    Args:
        what: the second reader, for the message.
        expected, received: from (signature, request) to outputs.
        asked: the requests, as `requests` makes them.
        limits: from the name of an output to the largest difference.
        measure: of the difference.

    Returns:
        worst: the largest difference seen.

    Raises:
        UserError: if they disagree, naming the signature and the output.
    """
    worst = 0.0
    for name, request in asked.items():
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
