"""Checks of an exported model's signatures and of its inputs. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae import memory
from tfvae.checks import UserError, positive_int, seed_of

SIGNATURES = {  # name: (inputs other than the condition; outputs, at least one of which exists)
    "decode": ({"z"}, {"image"}),
    "discriminate": ({"x"}, {"output"}),
    "encode": ({"x"}, {"loc", "logits"}),
    "log_prob": ({"x"}, {"log_prob"}),
    "predict": ({"condition"}, {"image"}),
    "reconstruct": ({"x"}, {"image"}),
    "sample": ({"seed"}, {"image"}),
}
DTYPES = {"x": "float32", "z": "float32", "condition": "float32", "seed": "int32"}


def as_rows(name: str, values: ArrayLike, dtype: str, shape: Sequence[int | None]) -> np.ndarray:
    """Returns `values` as a batch for a signature.

    Args:
        name: name of the input.
        values: array, [B, ...].
        dtype: "float32", to which float64 is rounded, or "int32", for any integers that fit.
        shape: expected shape, [None or B, ...].

    Returns:
        rows: contiguous array [B, ...] of that dtype.

    Raises:
        UserError: for another shape, another kind of number, an empty batch, NaN, infinity or overflow.

    Example:
        >>> as_rows("seed", [[7, 0]], "int32", [None, 2]).dtype.name
        'int32'
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
    """Returns the inputs of a signature as batches with the same number of rows.

    Args:
        table: (dtype, shape) by signature and input.
        signature: name of the signature.
        inputs: arrays [B, ...] by name.

    Returns:
        rows: arrays [B, ...] by name.
        count: number of rows B.

    Raises:
        UserError: if the signature or an input is unknown, or an input does not fit, see `as_rows`.
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
    """Returns the inputs of the signature `sample` for n draws, or for n draws of each of B conditions.

    Row i B + b, draw i of condition b, has the seed (seed, i B + b).

    Args:
        n: number of draws.
        seed: 32-bit integer that determines the draws.
        condition: conditions, [B, ...], or None.
        size: number of values in one image, for an estimate of the memory that the answer takes.

    Returns:
        inputs: {"seed": [n, 2] or [n B, 2]}, with {"condition": [n B, ...]} if there are conditions.

    Raises:
        UserError: if `n` is not a positive integer, the seed does not fit into 32 bits, the array of conditions is
            empty, or the draws do not fit into memory.
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
    """Returns the images of `draws` as [n, ...], or with conditions [B, ...] as [n, B, ...]."""
    return images if condition is None else images.reshape(n, -1, *images.shape[1:])


def row_seeds(seed: int, n: int) -> np.ndarray:
    """Returns the seeds of samples 0 to n - 1: [n, 2], int32. Row i is (seed, i).

    Raises:
        UserError: if `n` is not a positive integer or the seed does not fit into 32 bits.

    Example:
        >>> row_seeds(7, 2).tolist()
        [[7, 0], [7, 1]]
    """
    positive_int("n", n)
    number = seed_of("seed", seed)
    return np.stack([np.full(n, number, np.int32), np.arange(n, dtype=np.int32)], axis=1)


def check_signature(
    where: object, name: str, inputs: Mapping[str, tuple[str, Sequence[int | None]]], outputs: set[str]
) -> None:
    """Checks that a signature with one of tfvae's names has tfvae's inputs and outputs.

    Args:
        where: name of the file or the server in the message.
        name: name of the signature.
        inputs: (dtype, shape) by name.
        outputs: names of the outputs.

    Raises:
        UserError: if it has other inputs or outputs.
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
