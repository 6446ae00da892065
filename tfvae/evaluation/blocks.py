"""Long evaluations in blocks of examples, which can be watched, interrupted and resumed."""

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
    """Evaluates examples in blocks. Skips the blocks that `store` holds.

    Args:
        count: number of examples N.
        size: number of examples in a block; the last one may be smaller.
        compute: function from (start, stop) to values of these examples, [..., stop - start]. They may depend only on
            the examples and their indices.
        store: finished blocks by their start. Every new block is added. A block of another size is computed again. None
            for no store.
        progress: function that is called with (examples done, N) before the first block and after each.
        rows: numbers of the examples in messages, [N]; None for 0 .. N - 1.

    Returns:
        values: values of all examples, [..., N].

    Raises:
        NotFinite: if `compute` raises it. The message names the example's number.
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
