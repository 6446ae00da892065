"""The rows that a costly property is held to in every run of the tests; the others wait for `make nightly`."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

from conformance import models
from kit.marks import tiers

# The properties that cost most. Each is held to one row of each class of model; together they see the whole cover.
TURNS = ("replicas", "export", "gap", "XLA", "half precision", "shapes")
FAST = ("vae-mlp-batch-norm", "discrete-linear", "cvae-image", "regressor-column")


def kinds(name: str) -> set[object]:
    """Returns what a row is made of: the classes of its model and parts, with the choices these were given."""
    model = models.TABLE[name]()
    found: set[object] = {type(model)}
    for part in models.parts(model):
        found.add(type(part))
        if type(part).__module__.startswith("tfvae."):
            options = part.get_config().items()
            chosen = [pair for pair in options if pair[0] == "scale" or isinstance(pair[1], bool)]
            found |= {(type(part), option, value) for option, value in chosen if not isinstance(value, float)}
    return found


@functools.cache
def cover() -> tuple[str, ...]:
    """Returns rows that have each kind at least once, chosen greedily: of most new kinds first."""
    made_of = {name: kinds(name) for name in models.TABLE}
    left, chosen = set().union(*made_of.values()), []
    while left:
        chosen.append(max(made_of, key=lambda name: len(made_of[name] & left)))
        left -= made_of[chosen[-1]]
    return tuple(chosen)


def turn(costly: str, names: Collection[str] = models.TABLE) -> tuple[str, ...]:
    """Returns a row of the cover for each class of model: another one for each property of TURNS.

    A class that has rows outside the cover alone, among these names, is seen by the first of them.
    """
    classes: dict[type, list[str]] = {}
    for name in [name for name in cover() if name in names] + [name for name in names if name not in cover()]:
        of_class = classes.setdefault(type(models.TABLE[name]()), [])
        if name in cover() or not of_class:
            of_class.append(name)
    return tuple(of_class[TURNS.index(costly) % len(of_class)] for of_class in classes.values())


def rows(
    names: Iterable[str] = models.TABLE, fast: Collection[str] = FAST, costly: str | None = None
) -> list[object]:
    """Returns rows as parameters of a test.

    Args:
        names: the rows; those outside the cover, and not in `fast`, are marked nightly.
        fast: the rows that the fast tests run; the others of the cover are marked slow.
        costly: one of TURNS, for a property of which `make test` keeps the rows of its turn and the fast ones.
    """
    names = tuple(names)
    return tiers(names, fast=fast, kept=cover() if costly is None else turn(costly, names))
