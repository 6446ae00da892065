"""The flags of `tfvae train` that are settings of a run, made from the fields of its configuration."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_type_hints

from tfvae.cli import parsing
from tfvae.training.config import SETTINGS, Config
from tfvae.training.settings import GROUPS, Setting

NAMES = {"estimator_options": "estimator-option"}  # a setting that is given piece by piece, in the singular


def flag(name: str) -> str:
    """Returns the flag of a setting."""
    return f"--{NAMES.get(name, name).replace('_', '-')}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each setting, in groups; those that are not given are None."""
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    hints = get_type_hints(Config)
    for name, one in SETTINGS.items():
        groups[one.group].add_argument(flag(name), dest=name, **_details(one, hints[name], name))


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Returns setting -> value, None for those not given."""
    return {name: getattr(options, name) for name in SETTINGS}


def _details(one: Setting, kind: Any, name: str) -> Mapping[str, Any]:
    """Returns what `add_argument` needs to know of a setting.

    Args:
        one: the setting.
        kind: its type.
        name: its name.
    """
    text = one.help_text().replace("%", "%%")
    kind = next((each for each in get_args(kind) if each is not NoneType), kind)
    if kind is bool:
        return {"action": "store_true", "default": None, "help": text}
    if kind is dict:
        return {
            "action": parsing.Option,
            "type": parsing.named_value,
            "metavar": one.metavar,
            "help": text,
        }
    if kind is list:
        return {"type": int, "nargs": "+", "metavar": one.metavar, "help": text}
    of_text = parsing.path if name == "dataset" else str
    number = {int: int, float: float}.get(kind)
    metavar = one.metavar or "|".join(one.choices) or "N"
    bare = {"nargs": "?", "const": one.bare} if one.bare else {}
    return {"type": number or of_text, "metavar": metavar, "help": text} | bare
