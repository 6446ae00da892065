"""Checks of an exported model's signatures and of what is sent to it. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae import memory
from tfvae.checks import UserError, positive_int, seed_of

SIGNATURES = {  # name: (inputs, the condition aside; outputs of which there is one at least)
    "decode": ({"z"}, {"image"}),
    "encode": ({"x"}, {"loc", "logits"}),
    "log_prob": ({"x"}, {"log_prob"}),
    "predict": ({"condition"}, {"image"}),
    "reconstruct": ({"x"}, {"image"}),
    "sample": ({"seed"}, {"image"}),
}
DTYPES = {"x": "float32", "z": "float32", "condition": "float32", "seed": "int32"}


def as_rows(name: str, values: ArrayLike, dtype: str, shape: Sequence[int | None]) -> np.ndarray:
    """Returns `values` as the batch that a signature takes, changing no value.

    Args:
        name: of the input.
        values: array [B, ...].
        dtype: "float32" (float64 that is not too large is rounded) or "int32" (any integers that fit).
        shape: [None or B, ...].

    Raises:
        UserError: for another shape, another kind of number, an empty batch, NaN or infinity.
    """
    array = np.asarray(values)
    kinds = "f" if dtype == "float32" else "iu"
    if array.dtype.kind not in kinds:
        raise UserError(
            f"{name} has the wrong dtype",
            expected=dtype,
            received=str(array.dtype),
            fix=f"convert it, as in {name}.astype('{dtype}')",
        )
    rest = list(shape[1:])
    if array.ndim != len(shape) or list(array.shape[1:]) != rest:
        raise UserError(
            f"{name} has the wrong shape",
            expected=f"[B, {', '.join(map(str, rest))}]",
            received=list(array.shape),
        )
    if not len(array):
        raise UserError(f"{name} is empty", expected="at least one row", received="none")
    limits = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
    bad = ~((array >= limits.min) & (array <= limits.max))
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        raise UserError(
            f"{name} holds numbers that are not finite or do not fit into {dtype}",
            expected="finite numbers",
            received=f"{int(bad.sum())} others, the first at {place}: {array[place]}",
        )
    return np.ascontiguousarray(array, dtype)


def as_request(
    table: Mapping[str, Mapping[str, tuple[str, Sequence[int | None]]]],
    signature: str,
    inputs: Mapping[str, ArrayLike],
) -> tuple[dict[str, np.ndarray], int]:
    """Returns the inputs of a signature as batches of equally many rows, and that number.

    Args:
        table: (dtype, shape) by signature and input.
        signature: its name.
        inputs: arrays [B, ...] by name.

    Raises:
        UserError: if the signature or an input is unknown, or an input does not fit; see `as_rows`.
    """
    specs = table.get(signature)
    missing = set(specs or ()) - set(inputs)
    if missing and set(inputs) < set(specs or ()):
        raise UserError(
            f"{' and '.join(sorted(missing))} is missing in a request of {signature}",
            expected=", ".join(f"{name} {list(shape)}" for name, (_, shape) in sorted((specs or {}).items())),
            received=", ".join(sorted(inputs)) or "nothing",
        )
    if specs is None or set(inputs) != set(specs):
        takes = "; ".join(f"{name}({', '.join(spec)})" for name, spec in sorted(table.items()))
        raise UserError(
            "there is no such signature", expected=takes, received=f"{signature}({', '.join(sorted(inputs))})"
        )
    rows = {name: as_rows(name, value, *specs[name]) for name, value in inputs.items()}
    counts = {name: len(value) for name, value in rows.items()}
    if len(set(counts.values())) != 1:
        raise UserError("the inputs differ in their number of rows", expected="one number", received=counts)
    return rows, next(iter(counts.values()))


def draws(n: int, seed: int, condition: ArrayLike | None = None, size: int = 0) -> dict[str, np.ndarray]:
    """Returns the request of `sample` for n draws under one seed, or n for each of B conditions.

    Row i B + b, draw i of condition b, has the seed (seed, i B + b).

    Args:
        n: how many draws.
        seed: 32-bit integer.
        condition: array [B, ...] or None.
        size: numbers in one image of the answer, for an estimate of the memory that all of them take.

    Raises:
        UserError: if `n` is not a positive integer, the seed does not fit into 32 bits, there is no condition in the
            array, or the draws do not fit into memory.
    """
    count = positive_int("n", n) * (1 if condition is None else max(1, len(np.atleast_1d(condition))))
    memory.check(f"{count} samples", 4.0 * count * (size + 4), fix="ask for fewer at a time")
    if condition is None:
        return {"seed": row_seeds(seed, n)}
    rows = np.asarray(condition)
    if not rows.ndim or not len(rows):
        raise UserError("condition is empty", expected="at least one row", received=f"shape {rows.shape}")
    positive_int("n", n)
    return {"seed": row_seeds(seed, n * len(rows)), "condition": np.concatenate([rows] * n)}


def by_sample(images: np.ndarray, n: int, condition: ArrayLike | None) -> np.ndarray:
    """Returns the images of `draws`: [n, ...] as they are, or [n, B, ...]."""
    return images if condition is None else images.reshape(n, -1, *images.shape[1:])


def row_seeds(seed: int, n: int) -> np.ndarray:
    """Returns the seeds of samples 0..n-1 under one seed: [n, 2], int32, row i being (seed, i).

    Raises:
        UserError: if `n` is not a positive integer or the seed does not fit into 32 bits.
    """
    positive_int("n", n)
    number = seed_of("seed", seed)
    return np.stack([np.full(n, number, np.int32), np.arange(n, dtype=np.int32)], axis=1)


def check_signature(
    where: object, name: str, inputs: Mapping[str, tuple[str, Sequence[int | None]]], outputs: set[str]
) -> None:
    """Raises a `UserError` if a signature that has a name of tfvae's takes or gives other things than tfvae's.

    Args:
        where: the file or the server.
        name: of the signature.
        inputs: (dtype, shape) by name.
        outputs: their names.
    """
    if name not in SIGNATURES:
        return
    takes, gives = SIGNATURES[name]
    may_take = takes | {"condition"} | ({"seed"} if name == "log_prob" else set())
    right = takes <= set(inputs) <= may_take and gives & outputs
    if not right or any(dtype != DTYPES[key] or len(shape) < 2 for key, (dtype, shape) in inputs.items()):
        raise UserError(
            f"{where} is not a model of tfvae",
            expected="the signatures that tfvae exports",
            received=f"{name} from {', '.join(sorted(inputs))} to {', '.join(sorted(outputs))}",
        )
