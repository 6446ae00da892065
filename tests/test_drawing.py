"""Figures drawn into axes of the caller, and histories as `fit` returns them.

Written against these mutations: a figure of its own beside given axes; epochs shifted by one; a column of the
history that is shorter than the others dropped.
"""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from tfvae import plotting
from tfvae.checks import UserError

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 4, 4, 1)).astype("float32")
PLANE = RNG.normal(size=(20, 2))
DRAWN = {
    "points": lambda axes: plotting.draw_points({"data": PLANE, "samples": PLANE}, axes),
    "images": lambda axes: plotting.draw_image_grid(IMAGES, axes=axes),
    "map": lambda axes: plotting.draw_latent_map(PLANE, [0, 1] * 10, axes),
}
COLUMNS = {"bound": [-3.0, -2.0, -1.0], "rate": [1.0, 2.0, 3.0], "val_bound": [-3.5, -2.5]}


@pytest.fixture
def agg():
    before = matplotlib.get_backend()
    matplotlib.use("agg")
    yield matplotlib.pyplot
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_drawn_into_given_axes_and_they_are_returned(name):
    left, right = Figure().subplots(1, 2)
    assert DRAWN[name](right) is right
    assert right.images or right.collections
    assert not left.images and not left.collections


@pytest.mark.parametrize("name", DRAWN)
def test_without_axes_there_is_a_figure_of_pyplot(name, agg):
    axes = DRAWN[name](None)
    assert agg.get_fignums() == [axes.figure.number]


def test_curves_take_what_fit_returns(agg):
    history = SimpleNamespace(history=COLUMNS)  # as keras.callbacks.History
    axes = plotting.draw_loss_curves(history, Figure().subplots(1, 3))
    lines = {line.get_label(): line for line in axes[0].lines}
    np.testing.assert_array_equal(lines["training"].get_xydata(), [[1, -3], [2, -2], [3, -1]])
    np.testing.assert_array_equal(lines["validation"].get_xydata(), [[1, -3.5], [2, -2.5]])
    assert len(plotting.draw_loss_curves(COLUMNS)) == 3 and len(agg.get_fignums()) == 1


def test_a_file_of_curves_is_the_same_from_a_history_and_from_its_rows(tmp_path):
    rows = [{"epoch": n + 1, **{k: v[n] for k, v in COLUMNS.items() if n < len(v)}} for n in range(3)]
    files = [
        plotting.save_loss_curves(tmp_path / f"{number}.png", history, title="t").read_bytes()
        for number, history in enumerate((COLUMNS, rows))
    ]
    assert files[0] == files[1]
    game = {"loss": [0.5, 0.4], "discriminator_loss": [0.6, 0.7]}
    assert plotting.save_game_curves(tmp_path / "g.png", SimpleNamespace(history=game), title="t").is_file()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plotting.draw_loss_curves({}),
        lambda: plotting.draw_loss_curves(3),
        lambda: plotting.draw_loss_curves(COLUMNS, Figure().subplots(1, 2)),
        lambda: plotting.draw_points({}),
        lambda: plotting.draw_image_grid(PLANE),
        lambda: plotting.draw_latent_map(PLANE, [0]),
        lambda: plotting.draw_latent_map(PLANE, [0, 2] * 10, label_names=["cat", "dog"]),
        lambda: plotting.draw_latent_map(PLANE, [-1, 1] * 10, label_names=["cat", "dog"]),
        lambda: plotting.draw_latent_map(PLANE, [0.0, 1.0] * 10, label_names=["cat", "dog"]),
    ],
)
def test_bad_input_is_refused_in_one_line(draw):
    with pytest.raises(UserError) as told:
        draw()
    assert "\n" not in str(told.value)
