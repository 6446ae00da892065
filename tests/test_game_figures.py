"""What the figures of a game show, read back from their axes.

Mutations, each seen to break a test here: examples and samples exchanged among the outputs; counts in place of shares;
densities with x0 and x1 exchanged; validation drawn as training.
"""

import numpy as np
import pytest

from tfvae import plotting
from tfvae.checks import UserError

RNG = np.random.default_rng(0)


@pytest.fixture
def figure_of(monkeypatch, tmp_path):
    """Returns a function that draws and returns the figure rather than a path."""
    for module in ("game", "plane"):
        monkeypatch.setattr(f"tfvae.plotting.{module}.save", lambda figure, path: figure)
    return lambda draw, *arguments, **options: draw(tmp_path / "a.png", *arguments, title="t", **options)


def test_curves_are_those_of_the_history(figure_of):
    history = [
        {"epoch": 1, "loss": 0.3, "discriminator_loss": 0.7, "real_output": 0.6, "fake_output": 0.4},
        {"epoch": 2, "loss": 0.5, "val_loss": 0.9, "real_output": 0.8, "fake_output": np.nan},
    ]
    costs, outputs = figure_of(plotting.save_game_curves, history).axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in (*costs.lines, *outputs.lines)}
    assert drawn == {
        "generator": [[1, 0.3], [2, 0.5]],
        "generator, validation": [[2, 0.9]],
        "discriminator": [[1, 0.7]],
        "samples": [[1, 0.4]],
        "examples": [[1, 0.6], [2, 0.8]],
    }


def test_each_kind_of_comparison_has_its_own_curves(figure_of):
    epochs = [
        {"loss": 9.0, "discrepancy": 0.5, "reconstruction_error": 0.2, "log_prob": -3.0, "real_output": 0.7}
    ]
    for compares, expected in (
        ("sets", {"generator": 0.5, "autoencoder": 0.2}),
        ("densities", {"model": -3.0, "examples": 0.7}),
    ):
        figure = figure_of(plotting.save_game_curves, epochs, compares=compares)
        lines = [line for axes in figure.axes for line in axes.lines]
        assert {line.get_label(): line.get_ydata()[0] for line in lines} == expected


def test_an_unknown_kind_of_comparison_is_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"unknown kind of comparison; .*critic, sets, densities; received 'set'"
    ):
        plotting.save_game_curves(tmp_path / "g.png", [{"loss": 1.0}], title="", compares="set")


def test_outputs_are_shares_of_each_set(figure_of):
    real, fake = np.full(10, 0.91), np.array([0.11] * 3 + [0.51])
    (axes,) = figure_of(plotting.save_outputs, real, fake, probabilities=True).axes
    for container, label, expected in zip(
        axes.containers,
        ("samples, mean 0.21", "examples, mean 0.91"),
        ({0.11: 0.75, 0.51: 0.25}, {0.91: 1.0}),
        strict=True,
    ):
        assert container[0].get_label() == label
        found = {bar.get_x(): bar.get_height() for bar in container if bar.get_height()}
        assert list(found.values()) == pytest.approx(list(expected.values()))
        assert all(0 <= place - left < 1 / 40 for left, place in zip(found, expected, strict=True))


def test_densities_lie_where_the_points_do_and_lines_where_the_function_says(figure_of):
    groups = {
        "data": RNG.normal(size=(500, 2)) * [3.0, 0.1],
        "samples": RNG.normal(size=(500, 2)) * [0.1, 3.0],
    }
    figure = figure_of(plotting.save_densities, groups, contour=(lambda x: x[:, 0], (2.0,)))
    for axes, spread in zip(figure.axes, (0, 1), strict=True):
        mesh, lines = axes.collections
        dark = np.argwhere(np.asarray(mesh.get_array()).reshape(70, 70) > 0)[:, ::-1]  # rows are x2
        assert dark[:, spread].std() > 5 * dark[:, 1 - spread].std()
        np.testing.assert_allclose(np.concatenate(lines.get_paths()[0].vertices[:, :1]), 2.0, atol=1e-6)
