"""Checks of a server's answers. NumPy alone."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfvae.checks import UserError

DTYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
Tensors = dict[str, tuple[str, list[int | None]]]  # name: (dtype, shape)
Specs = dict[str, tuple[Tensors, Tensors]]  # signature: inputs, outputs
MOST_WORDS = 500  # most characters of a server's text in an error
LARGEST_ROW = 2**24  # most numbers in a row of an output: no tfvae model has more


def parse(content: bytes, where: str) -> dict[str, Any]:
    """Returns the JSON object in the body of an answer.

    Raises:
        UserError: if it is not JSON, nested too deeply, or not an object.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:  # also for bad UTF-8 and too many digits
        raise wrong(where, "an object in JSON", f"{len(content)} bytes: {error}") from error
    if not isinstance(value, dict):
        raise wrong(where, "an object in JSON", f"a {type(value).__name__}")
    return value


def read_signatures(table: Any, where: str) -> Specs:
    """Reads the JSON form of a SignatureDefMap. Names are sorted, because a server sends them in any order.

    Raises:
        UserError: if it is not one, or its tensors are not those of a tfvae model.
    """
    try:
        specs = {
            name: (_tensors(signature["inputs"]), _tensors(signature["outputs"]))
            for name, signature in table["signature_def"].items()
            if not name.startswith("__")
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong(where, "signatures of a tfvae model", f"{type(error).__name__} {error}") from error
    except ValueError as error:
        raise wrong(where, "signatures of a tfvae model", f"{error}") from error
    if not specs:
        raise wrong(where, "signatures of a tfvae model", "none")
    return specs


def _tensors(side: Mapping[str, Any]) -> Tensors:
    """Returns the inputs or the outputs of a signature.

    Raises:
        ValueError: if there are none, or a tensor is not a batch of rows of a fixed shape.
    """
    found: Tensors = {}
    for name, info in sorted(side.items()):
        shape = [_size(dim["size"]) for dim in info["tensor_shape"].get("dim", [])]
        dtype = DTYPES.get(str(info["dtype"]))
        if dtype is None or not shape or None in shape[1:] or _numbers(shape[1:]) > LARGEST_ROW:
            raise ValueError(f"tensor {name!a} {info['dtype']!a} {shape}")
        found[name] = dtype, shape
    if not found:
        raise ValueError("a signature without inputs or without outputs")
    return found


def _size(size: Any) -> int | None:
    """Returns a size; None for -1, which stands for any number of rows."""
    text = str(size)
    if not re.fullmatch(r"-1|[1-9][0-9]{0,9}", text):
        raise ValueError(f"size {text[:20]!a}")
    return None if text == "-1" else int(text)


def _numbers(shape: Sequence[Any]) -> int:
    return math.prod(shape)


def expected(specs: Specs, signature: str, rows: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Returns (dtype, shape) of each output in the answer to a request of `rows` rows."""
    return {
        name: (dtype, (rows, *(size or 1 for size in shape[1:])))
        for name, (dtype, shape) in specs[signature][1].items()
    }


def json_bytes(outputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> int:
    """Returns the most bytes that an answer in JSON may have.

    A server writes each number and each bracket on its own line, indented by four spaces for each level. A number has
    at most 32 characters, everything else together at most 65,536.
    """
    total = 65_536
    for _, shape in outputs.values():
        brackets = 2 * sum(_numbers(shape[:rank]) for rank in range(len(shape)))
        total += _numbers(shape) * (34 + 4 * (len(shape) + 2)) + brackets * (4 + 4 * (len(shape) + 2))
    return total


def from_json(
    answer: Mapping[str, Any], outputs: Mapping[str, tuple[str, tuple[int, ...]]], where: str
) -> dict[str, np.ndarray]:
    """Returns the arrays of an answer, by name.

    Args:
        answer: JSON object of the server. Its "outputs" are nested lists by name, or one list without a name.
        outputs: expected (dtype, shape) by name.
        where: name of the server in the message.

    Returns:
        arrays: outputs by name.

    Raises:
        UserError: for other names, shapes or kinds of numbers, or numbers that are not finite.
    """
    found = answer.get("outputs")
    if isinstance(found, list) and len(outputs) == 1:
        found = {next(iter(outputs)): found}
    if not isinstance(found, dict):
        raise wrong(where, f"outputs {', '.join(outputs)}", f"{', '.join(answer) or 'nothing'}")
    check_names(found, outputs, where)
    return {name: _array(name, found[name], *outputs[name], where) for name in outputs}


def check_names(found: Mapping[str, Any], outputs: Mapping[str, Any], where: str) -> None:
    """Raises a `UserError` unless the answer has exactly the expected outputs."""
    if set(found) != set(outputs):
        raise wrong(where, f"outputs {', '.join(outputs)}", ", ".join(sorted(found)) or "none")


def _array(name: str, value: Any, dtype: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    should = f"{name} {dtype} {list(shape)}"
    level = [value]
    for rank, size in enumerate(shape):
        bad = [item for item in level if not isinstance(item, list) or len(item) != size]
        if bad:
            received = f"{len(bad[0])}" if isinstance(bad[0], list) else f"a {type(bad[0]).__name__}"
            raise wrong(where, should, f"{received} where dimension {rank} has {size}")
        level = list(itertools.chain.from_iterable(level))
    kinds = set(map(type, level)) - ({int, float} if dtype == "float32" else {int})
    if kinds:
        raise wrong(where, should, f"a {sorted(kind.__name__ for kind in kinds)[0]}")
    try:
        array = np.array(level, np.float64 if dtype == "float32" else np.int64).reshape(shape)
    except OverflowError as error:
        raise wrong(where, should, "a number that does not fit") from error
    return checked(name, array, dtype, shape, where)


def checked(name: str, array: np.ndarray, dtype: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Returns an array of an answer in its dtype.

    Raises:
        UserError: if it has another shape or holds numbers that are not finite or do not fit.
    """
    should = f"{name} {dtype} {list(shape)}"
    if array.shape != shape:
        raise wrong(where, should, f"shape {list(array.shape)}")
    limits = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
    good = (array >= limits.min) & (array <= limits.max)
    if not good.all():
        place = tuple(map(int, np.argwhere(~good)[0]))
        raise wrong(
            where, f"{should}, finite", f"{int((~good).sum())} others, the first at {place}: {array[place]}"
        )
    return np.ascontiguousarray(array, dtype)


def wrong(where: str, should: str, received: str) -> UserError:
    """Returns the error for an answer that does not fit the request."""
    return UserError(
        f"wrong answer from {where}",
        expected=should,
        received=received[:MOST_WORDS],
        fix="see that it serves a model that tfvae.export.save_serving wrote",
    )
