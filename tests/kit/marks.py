"""In which tier a case of a test runs: `make fast`, `make test` or `make nightly`."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable

import pytest


def tiers(
    cases: Iterable[Hashable],
    *,
    fast: Collection[Hashable] | None = None,
    kept: Collection[Hashable] | None = None,
) -> list[object]:
    """Returns cases as parameters of a test.

    Args:
        cases: the cases; a tuple has a value for each name of the parametrization.
        fast: the cases that the fast tests run, too; where it is given, the others that are kept are marked slow.
        kept: the cases that `make test` runs beside the fast ones, by default all; the others are marked nightly.
    """

    def marks(case: Hashable) -> tuple[pytest.MarkDecorator, ...]:
        if fast is not None and case in fast:
            return ()
        if kept is not None and case not in kept:
            return (pytest.mark.nightly,)
        return () if fast is None else (pytest.mark.slow,)

    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks(case)) for case in cases
    ]
