"""Comparisons of a generator's samples with real examples: pure functions, no Keras.

A generator x = g(z), z ~ p(z), has no likelihood to climb. It is trained by a comparison of its samples with examples,
which says how each sample should move.
"""

from tfvae.comparisons.catalog import TABLE, Row, get, names, row

__all__ = ["TABLE", "Row", "get", "names", "row"]


def __dir__() -> list[str]:
    return sorted(__all__)
