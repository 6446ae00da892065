"""Long evaluations in blocks of examples, so that they can be watched, interrupted and taken up again."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

import numpy as np

from tfvae.checks import NotFinite


def in_blocks(
    count: int,
    size: int,
    compute: Callable[[int, int], np.ndarray],
    store: MutableMapping[int, np.ndarray] | None = None,
    progress: Callable[[int, int], None] | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Evaluates examples in blocks of `size`, and only those blocks that `store` does not hold.

    Args:
        count: examples in all, N.
        size: of a block; the last one may be smaller.
        compute: maps (start, stop) to the figures of the examples from start to before stop, [..., stop - start]. They
            may depend on nothing but these examples and their indices.
        store: finished blocks by their start; each is put in when it is done, and one of another size is computed anew.
            None keeps none.
        progress: called with (examples done, N) before the first block to compute and after each.
        rows: number of each example, [N], by which an error names it; 0 .. N - 1 unless given.

    Returns:
        figures: [..., N].

    Raises:
        NotFinite: if `compute` raises it; it names the example's number.
    """
    store = {} if store is None else store
    blocks = {start: min(start + size, count) for start in range(0, count, size)}
    have = {
        start for start, stop in blocks.items() if start in store and store[start].shape[-1] == stop - start
    }
    done = sum(blocks[start] - start for start in have)
    if progress is not None:
        progress(done, count)
    for start, stop in blocks.items():
        if start in have:
            continue
        try:
            store[start] = compute(start, stop)
        except NotFinite as error:
            example = error.example if rows is None else int(rows[error.example])
            raise NotFinite(error.what, error.broken, error.count, example) from error
        done += stop - start
        if progress is not None:
            progress(done, count)
    return np.concatenate([store[start] for start in blocks], axis=-1)
