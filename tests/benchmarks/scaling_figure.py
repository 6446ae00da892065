"""The figure of tests/benchmarks/scaling.py."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tfvae.plotting import look

PANELS = (  # place in what was measured, title, label of x, factor and label of y, whether a line of slope 1 is drawn
    (("steps", "K"), "Step time against particles (batch 100)", "particles K", 1e3, "ms per step", True),
    (("steps", "batch"), "Step time against batch (K = 5)", "examples in a batch", 1e3, "ms per step", True),
    (
        ("steps", "latent size"),
        "Step time against latent size (K = 50)",
        "latent units",
        1e3,
        "ms per step",
        False,
    ),
    (("memory",), "Peak memory of a step (batch 100)", "particles K", 1, "MiB", True),
)


def save(path, found):
    """Draws four panels with logarithmic axes; dashed lines grow in proportion and end in the last point."""
    with look.look():
        figure = Figure(figsize=(10, 7.2), dpi=look.DPI, layout="constrained")
        figure.suptitle("Cost of a training step, 784-200-200-50: dashed lines grow in proportion")
        for axes, (place, title, xlabel, factor, ylabel, proportional) in zip(
            figure.subplots(2, 2).flat, PANELS, strict=True
        ):
            points = found
            for key in place:
                points = points[key]
            _panel(axes, [(x, y * factor) for x, y in points], proportional)
            axes.set_title(title, loc="left")
            axes.set(xlabel=xlabel, ylabel=ylabel)
        look.save(figure, path)


def _panel(axes, points, proportional):
    points = [(x, y) for x, y in points if y > 0]
    x, y = zip(*points, strict=True)
    axes.loglog(x, y, "o-", color=look.TRAINING, markersize=5)
    low, high = min(y), max(y)
    if proportional:
        slope = [y[-1] * value / x[-1] for value in x]
        axes.loglog(x, slope, "--", color="0.5", linewidth=1, zorder=1)
    axes.set_ylim(low / 2, high * 2)
    for axis, values in ((axes.xaxis, x), (axes.yaxis, None)):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        if values:
            axis.set_ticks(values)
    axes.minorticks_off()
