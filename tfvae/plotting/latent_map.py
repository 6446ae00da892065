"""The figure of a data set in the latent space."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.checks import UserError, shown
from tfvae.plotting.look import CLASSES, DPI, TRAINING, finite, look, new_axes, save, wrap

MAX_CLASSES = 2 * len(CLASSES)


def save_latent_map(
    path: str | os.PathLike[str],
    codes: np.ndarray,
    labels: Any = None,
    *,
    title: str,
    label_names: Sequence[str] = (),
) -> Path:
    """Draws the codes of a data set: 1-D codes as a histogram, 2-D codes as points, longer codes by `principal`.

    Args:
        path: PNG file to write.
        codes: codes of the examples, [N, D] floats, N >= 2, in latent units.
        labels: class labels, [N], or None. Up to 10 classes differ by colour, up to 20 by colour and shape. With more,
            all points look the same.
        title: text above the figure.
        label_names: names of the labels 0, 1, ..., which are then integers; empty for the labels as they are.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the codes are not a matrix of finite numbers, the number of labels differs, labels do
            not fit their names, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> codes = np.arange(8.0).reshape(4, 2)
        >>> plotting.save_latent_map("map.png", codes, [0, 0, 1, 1], title="codes").name
        'map.png'
    """
    found = _classes(codes, labels, label_names)
    with look():
        figure = Figure(figsize=(7.5, 6), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, 7.5 * DPI))
        _draw(figure.add_subplot(), *found)
        if len(found[1]) > 1:
            figure.legend(loc="outside right center", title="label")
        return save(figure, path)


def draw_latent_map(
    codes: np.ndarray, labels: Any = None, axes: Axes | None = None, *, label_names: Sequence[str] = ()
) -> Axes:
    """Draws the codes of a data set, see `save_latent_map`, into axes of yours, or into new ones.

    Args:
        codes: codes of the examples, [N, D] floats, N >= 2, in latent units.
        labels, label_names: see `save_latent_map`.
        axes: axes to draw into; None for those of a new figure.

    Returns:
        axes: the axes.

    Raises:
        UserError: if the codes are not a matrix of finite numbers, the number of labels differs, or labels do not fit
            their names.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from tfvae import plotting
        >>> axes = plotting.draw_latent_map(np.arange(8.0).reshape(4, 2), [0, 0, 1, 1], Figure().add_subplot())
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['0', '1']
    """
    found = _classes(codes, labels, label_names)
    axes = new_axes(axes)
    _draw(axes, *found)
    if len(found[1]) > 1:
        axes.legend(title="label")
    return axes


def _classes(
    codes: np.ndarray, labels: Any, label_names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the codes, the names of the classes to tell apart, and the class of each example."""
    codes = finite("codes", codes).astype(float)
    if codes.ndim != 2 or len(codes) < 2 or codes.shape[1] < 1:
        raise UserError(
            "codes have a bad shape", expected="[N, D] with N >= 2 and D >= 1", received=codes.shape
        )
    labels = np.zeros(len(codes)) if labels is None else np.asarray(labels)
    if labels.shape != (len(codes),):
        raise UserError("labels do not match the codes", expected=(len(codes),), received=labels.shape)
    names, classes = np.unique(labels, return_inverse=True)
    if not 2 <= len(names) <= MAX_CLASSES:
        names, classes = np.array(["all"]), np.zeros(len(codes), int)
    elif label_names:
        if not (np.issubdtype(names.dtype, np.integer) and names[0] >= 0 and names[-1] < len(label_names)):
            raise UserError(
                "the labels do not fit their names",
                expected=f"integers from 0 to {len(label_names) - 1}",
                received=f"{shown(names[0])} to {shown(names[-1])}",
            )
        names = np.array([label_names[name] for name in names])
    return codes, names, classes


def _draw(axes: Axes, codes: np.ndarray, names: np.ndarray, classes: np.ndarray) -> None:
    if codes.shape[1] == 1:
        _histogram(axes, codes[:, 0], names, classes)
    else:
        _scatter(axes, codes, names, classes)


def principal(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects codes on their first two principal components: codes - mean = U S V', points = U S.

    Args:
        codes: codes of the examples, [N, D], N >= 2, D >= 2, in latent units.

    Returns:
        points: [N, 2], in latent units.
        shares: fractions of the total variance, [2]: S_i^2 / sum_j S_j^2, or 0 if nothing varies.
    """
    left, scale, _ = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    variance = np.sum(scale**2)
    return left[:, :2] * scale[:2], scale[:2] ** 2 / (variance if variance > 0 else 1.0)


def _colours(names: np.ndarray) -> np.ndarray:
    return np.array(
        [CLASSES[index % len(CLASSES)] for index in range(len(names))] if len(names) > 1 else [TRAINING]
    )


def _histogram(axes: Axes, codes: np.ndarray, names: np.ndarray, classes: np.ndarray) -> None:
    edges = np.histogram_bin_edges(codes, bins=int(np.clip(len(codes) / 20, 10, 60)))
    base = np.zeros(len(edges) - 1)
    for index, (name, colour) in enumerate(zip(names, _colours(names), strict=True)):
        top = base + np.histogram(codes[classes == index], edges)[0]
        hatch = "///" if index >= len(CLASSES) else None
        axes.stairs(top, edges, baseline=base, fill=True, fc=colour, ec="w", lw=0, hatch=hatch, label=name)
        base = top
    axes.set(xlabel="z, the latent coordinate", ylabel="examples per bin")


def _scatter(axes: Axes, codes: np.ndarray, names: np.ndarray, classes: np.ndarray) -> None:
    if codes.shape[1] == 2:
        points, across, up = codes, "z0, first latent unit", "z1, second latent unit"
    else:
        points, shares = principal(codes)
        across, up = (
            f"principal component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)
        )
    colours, size = _colours(names), float(np.clip(12_000 / len(points), 4, 40))
    order = np.random.default_rng(0).permutation(len(points))  # so that no class lies on top of the others
    for second, marker in ((False, "o"), (True, "^")):
        group = order[(classes[order] >= len(CLASSES)) == second]
        x, y = points[group].T
        axes.scatter(x, y, s=size, c=colours[classes[group]], marker=marker, alpha=0.7, linewidths=0)
    for index, (name, colour) in enumerate(zip(names, colours, strict=True)):
        axes.scatter([], [], s=30, color=colour, marker="o" if index < len(CLASSES) else "^", label=name)
    axes.set(xlabel=across, ylabel=up)
    axes.set_aspect("equal", adjustable="datalim")
