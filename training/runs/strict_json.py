"""Strict JSON, as this program writes it: unique names, finite numbers, limited nesting."""

from __future__ import annotations

import json
from typing import Any

from tfvae.checks import shown

DEEPEST = 50  # most levels of nested objects and lists


def loads(content: bytes, *, deepest: int = DEEPEST, infinite: bool = False) -> Any:
    """Reads JSON in UTF-8.

    Args:
        content: text in UTF-8.
        deepest: most levels of nested objects and lists.
        infinite: True to accept NaN and infinities.

    Raises:
        ValueError: if it is not JSON, is nested too deeply, has a name twice, or holds NaN or an infinity.

    Example:
        >>> loads(b'{"epochs": 3}')
        {'epochs': 3}
    """
    constant = None if infinite else _no_number
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=constant)
    except RecursionError:
        raise ValueError(f"it is nested more than {deepest} deep") from None
    _check_depth(value, deepest)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        listed = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in listed if listed.count(name) > 1)!r} occurs twice")
    return names


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _check_depth(value: Any, deepest: int) -> None:
    level = [value]
    for _ in range(deepest):
        inner = [item for item in level if isinstance(item, (dict, list))]
        level = [part for item in inner for part in (item.values() if isinstance(item, dict) else item)]
    if level:
        raise ValueError(f"it is nested more than {deepest} deep")


def config_of(content: bytes) -> dict[str, Any]:
    """Reads config.json and checks the types of its parts. `Config` checks the settings themselves.

    Raises:
        ValueError: if it is not a JSON object with these parts.
    """
    saved = loads(content)
    if not isinstance(saved, dict):
        raise ValueError(f"it is a {type(saved).__name__}, not an object")
    for name, kind, inner in (("config", dict, None), ("argv", list, str), ("versions", dict, str)):
        if name not in saved:
            raise ValueError(f'it has no "{name}"')
        part = saved[name]
        if not isinstance(part, kind):
            raise ValueError(f'"{name}" is {shown(part)}, not a {kind.__name__}')
        values = part.values() if isinstance(part, dict) else part
        if inner is not None and not all(isinstance(value, inner) for value in values):
            raise ValueError(f'"{name}" holds what is no text')
    if not isinstance(saved.get("data_sha256", ""), str):
        raise ValueError(f'"data_sha256" is {shown(saved["data_sha256"])}, not text')
    return saved
