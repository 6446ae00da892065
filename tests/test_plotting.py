"""The figures: read back as pixels where a picture can be wrong, and written whole or not at all.

Mutations, each seen to break a test here: tiles filled column by column, the manifold upside down or
transposed, reconstructions above originals, smooth interpolation, limits over all epochs, variance shares not
squared, ticks evenly spaced, writing straight to the final name, values left out that
are near the bulk, epochs that count from 0, more than thirty pairs, the user's Matplotlib settings in force.
"""

import errno
from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
from matplotlib import image as png
from matplotlib.figure import Figure

from tfvae import plotting
from tfvae.checks import UserError
from tfvae.plotting import curves
from tfvae.plotting.curves import limits
from tfvae.plotting.latent_map import principal
from tfvae.plotting.manifold import _quantile_ticks

RNG = np.random.default_rng(0)
DIGITS = RNG.random((30, 8, 8, 1)).astype("float32")
HISTORY = [
    {"epoch": n, "bound": -20 - 1000 / n**3, "val_bound": -21.0, "rate": 9.0, "distortion": 11.0}
    for n in range(1, 13)
]
GRID = RNG.random((3, 3, 8, 8, 1))
PLANE = RNG.normal(size=(40, 2))
GAME = [
    {"epoch": n, "loss": 0.4, "val_loss": 0.5, "fake_output": n / 9, "real_output": 0.6} for n in range(9)
]
EXTENT = (-1.5, 1.5)

FIGURES = {
    "grid": lambda path: plotting.save_image_grid(path, DIGITS, title="samples"),
    "grid-rgb": lambda path: plotting.save_image_grid(
        path, np.repeat(DIGITS, 3, -1), title="samples", columns=30
    ),
    "reconstructions": lambda path: plotting.save_reconstructions(path, DIGITS, DIGITS, title="pairs"),
    "columns": lambda path: plotting.save_columns(
        path, {"truth": DIGITS[:3], "condition": DIGITS[:3]}, title="columns", rows=["one", "two", "three"]
    ),
    "curves": lambda path: plotting.save_loss_curves(path, HISTORY, title="curves"),
    "curves-gaps": lambda path: plotting.save_loss_curves(
        path, [{"bound": None}, {"bound": np.nan}], title="curves"
    ),
    "map-1": lambda path: plotting.save_latent_map(
        path, RNG.normal(size=(50, 1)), RNG.integers(20, size=50), title="m"
    ),
    "map-2": lambda path: plotting.save_latent_map(path, RNG.normal(size=(50, 2)), title="map"),
    "map-9": lambda path: plotting.save_latent_map(path, RNG.normal(size=(50, 9)), range(50), title="map"),
    "map-collapsed": lambda path: plotting.save_latent_map(
        path, np.full((50, 9), 0.1), [0, 1] * 25, title="map"
    ),
    "canvases": lambda path: plotting.save_canvases(
        path,
        RNG.random((2, 20, 8, 8, 1)),
        title="canvases",
        names=["a", "b"],
        windows=np.full((2, 20, 4), 3.0),
    ),
    "manifold": lambda path: plotting.save_manifold_grid(path, GRID, title="manifold", extent=EXTENT),
    "points": lambda path: plotting.save_points(
        path, {"held-out": RNG.normal(size=(500, 2)), "samples": RNG.normal(size=(50, 2))}, title="points"
    ),
    "points-one": lambda path: plotting.save_points(path, {"samples": RNG.normal(size=(9, 2))}, title="p"),
    "sizes": lambda path: plotting.save_effective_sizes(
        path, np.geomspace(1, 1000, 13), np.arange(12), title="sizes"
    ),
    "sizes-few": lambda path: plotting.save_effective_sizes(path, [1.0, 2.0], [5], title="sizes"),
    "variances": lambda path: plotting.save_unit_variances(
        path, [np.geomspace(1e-6, 2, 50), np.array([0.5, -1e-3])], title="variances", threshold=0.01
    ),
    "rate": lambda path: plotting.save_rate_distortion(
        path, 20.0, 68.0, title="rate", course=[[10.0 + n, 80.0 - n] for n in range(11)]
    ),
    "rate-alone": lambda path: plotting.save_rate_distortion(path, 0.0, -3.0, title="rate"),
    "rows": lambda path: plotting.save_rows(
        path, DIGITS.reshape(3, 10, 8, 8, 1), ["example", "+ 0.5", "+ 1"], title="rows"
    ),
    "game": lambda path: plotting.save_game_curves(path, GAME, title="game"),
    "game-one": lambda path: plotting.save_game_curves(
        path, [{"loss": 0.1, "output_gradient": 2.0}], title="g"
    ),
    "outputs": lambda path: plotting.save_outputs(
        path, np.full(5, 0.4), np.full(9, 0.2), title="outputs", probabilities=True
    ),
    "outputs-critic": lambda path: plotting.save_outputs(
        path, np.zeros(5), np.zeros(9), title="outputs", probabilities=False
    ),
    "densities": lambda path: plotting.save_densities(
        path, {"data": PLANE, "samples": PLANE + 1}, title="densities", contour=(lambda x: x[:, 0], (0.5,))
    ),
    "densities-flat": lambda path: plotting.save_densities(
        path, {"data": PLANE[:1]}, title="densities", contour=(lambda x: 0 * x[:, 0], (0.5,))
    ),
    "panels": lambda path: plotting.save_point_panels(
        path, PLANE, {f"epoch {n}": PLANE for n in range(5)}, title="panels"
    ),
}


def grey(path):
    """A PNG as a matrix of grey levels."""
    return png.imread(path)[:, :, 0]


def centres(path, levels):
    """(row, column) of the middle of the tile of each grey level; the median, as text has grey edges too."""
    pixels = grey(path)
    found = [np.argwhere(np.abs(pixels - level) < 1.01 / 255) for level in levels]
    assert all(len(places) > 1000 for places in found)
    return np.array([np.median(places, axis=0) for places in found])


def constant(levels, side=8):
    """Images of one grey level each, none of them the level of text or of white."""
    return np.broadcast_to(np.asarray(levels)[..., None, None, None], (*np.shape(levels), side, side, 1))


@pytest.mark.parametrize("name", FIGURES)
def test_writes_a_png_of_sensible_size_and_returns_its_path(name, tmp_path):
    path = tmp_path / f"{name}.png"
    assert FIGURES[name](str(path)) == path
    height, width, _ = png.imread(path).shape
    assert 150 <= height <= 1600
    assert 640 <= width <= 4000
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    edge = np.concatenate([grey(path)[[0, -1]].ravel(), grey(path)[:, [0, -1]].ravel()])
    assert (edge == 1).all(), "something reaches the edge of the figure: cut off"


@pytest.mark.parametrize("name", FIGURES)
def test_a_failed_write_leaves_the_earlier_figure_and_nothing_else(name, tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"the earlier figure")

    def full_disk(figure, file, **_):
        Path(file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(UserError, match=r"cannot write .*figure.png; .*No space left on device") as told:
        FIGURES[name](path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == b"the earlier figure"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        FIGURES["grid"](tmp_path / "absent" / "figure.png")


def test_the_users_own_settings_neither_matter_nor_change(tmp_path):
    FIGURES["curves"](tmp_path / "a.png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 20}):
        before = dict(matplotlib.rcParams)
        FIGURES["curves"](tmp_path / "b.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_grid_goes_along_rows_pixel_for_pixel(tmp_path):
    levels = np.arange(6) / 10 + 0.2
    places = centres(
        plotting.save_image_grid(tmp_path / "a.png", constant(levels), title="t", columns=3), levels
    )
    assert np.ptp(places[:3, 0]) < 1 and np.ptp(places[3:, 0]) < 1 and places[3, 0] > places[0, 0]
    assert (np.diff(places[:3, 1]) > 100).all() and (np.diff(places[3:, 1]) > 100).all()


def test_pixels_are_squares_and_nothing_is_interpolated(tmp_path):
    board = np.indices((8, 8)).sum(axis=0) % 2 * 0.5 + 0.25
    pixels = grey(plotting.save_image_grid(tmp_path / "a.png", board[None, :, :, None], title="t"))[46:]
    inside = pixels[np.abs(pixels - 0.5) < 0.45]
    assert set(np.round(inside, 2)) == {0.25, 0.75}
    assert len(inside) == (8 * 14) ** 2


def test_a_pixel_outside_the_range_is_told(tmp_path):
    inside = plotting.save_image_grid(tmp_path / "a.png", DIGITS[:1], title="t")
    outside = plotting.save_image_grid(tmp_path / "b.png", DIGITS[:1] * 1.2, title="t")
    assert grey(outside).shape[0] > grey(inside).shape[0], "a second line of the title"


def test_originals_stand_above_their_reconstructions(tmp_path):
    above, below = np.linspace(0.2, 0.4, 12), np.linspace(0.5, 0.7, 12)
    path = plotting.save_reconstructions(tmp_path / "a.png", constant(above), constant(below), title="t")
    above, below = centres(path, above), centres(path, below)
    np.testing.assert_allclose(above[:, 1], below[:, 1], atol=1)
    np.testing.assert_allclose(below[:, 0] - above[:, 0], 112 + 4, atol=1)
    assert above[10, 0] > below[9, 0] and above[10, 1] == pytest.approx(above[0, 1], abs=1)


def test_of_many_pairs_the_first_thirty_are_drawn(tmp_path):
    few, many = (
        plotting.save_reconstructions(
            tmp_path / f"{count}.png", *[np.resize(DIGITS, (count, 8, 8, 1))] * 2, title="t"
        )
        for count in (30, 31)
    )
    np.testing.assert_array_equal(png.imread(few), png.imread(many))


def test_canvases_stand_in_rows_with_their_windows(tmp_path, monkeypatch):
    levels = np.arange(6).reshape(2, 3) / 12 + 0.2
    windows = np.full((2, 3, 4), [1.0, 2.0, 4.0, 9.0])  # clipped to the image, 8 pixels high
    windows[0, 0] = [9.0, 2.0, 12.0, 4.0]  # beside it
    options = {"title": "t", "names": ["first", "second"]}
    path = plotting.save_canvases(tmp_path / "a.png", constant(levels), **options)
    places = centres(path, levels.ravel()).reshape(2, 3, 2)
    tile = 80
    np.testing.assert_allclose(np.diff(places[:, :, 1], axis=1), tile + 4, atol=1)
    np.testing.assert_allclose(np.diff(places[:, :, 0], axis=0), tile + 4, atol=1)
    monkeypatch.setattr("tfvae.plotting.canvas.save", lambda figure, path: figure)
    figure = plotting.save_canvases(tmp_path / "b.png", constant(levels), windows=windows, **options)
    (axes,) = figure.axes
    assert len(axes.patches) == 5
    box = axes.patches[-1].get_bbox()
    expected = [2 * (tile + 4) + 10, tile + 4 + 20, 2 * (tile + 4) + 40, tile + 4 + 80]
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], expected, atol=1e-6)


def test_of_many_steps_the_first_and_the_last_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.plotting.canvas.save", lambda figure, path: figure)
    images = np.zeros((1, 64, 2, 2, 1))
    (axes,) = plotting.save_canvases(tmp_path / "a.png", images, title="t", names=["a"]).axes
    steps = [int(text.get_text()) for text in axes.get_xticklabels()]
    assert len(steps) == 16 and steps[0] == 1 and steps[-1] == 64


def test_manifold_is_drawn_as_it_lies_without_gaps(tmp_path):
    levels = np.arange(9).reshape(3, 3) / 15 + 0.2
    path = plotting.save_manifold_grid(tmp_path / "a.png", constant(levels), title="t", extent=EXTENT)
    places = centres(path, levels.ravel()).reshape(3, 3, 2)
    side = 42 * 8
    np.testing.assert_allclose(np.diff(places[:, :, 1], axis=1), side, atol=1)
    np.testing.assert_allclose(np.diff(places[:, :, 0], axis=0), side, atol=1)


def test_manifold_axes_show_z0_to_the_right_and_z1_upwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.plotting.manifold.save", lambda figure, path: figure)
    (axes,) = plotting.save_manifold_grid(tmp_path / "a.png", GRID, title="t", extent=EXTENT).axes
    side = 42 * 8  # pixels; the tiles of -1.5 and 1.5 have their centres half a tile from the edges
    for axis, first, last in ((axes.xaxis, 0.5, 2.5), (axes.yaxis, 2.5, 0.5)):
        places = {
            text.get_text(): place
            for text, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
        }
        assert [places[z] for z in ("-1.5", "0", "1.5")] == pytest.approx(
            [first * side, 1.5 * side, last * side]
        )
    assert axes.get_xlabel().startswith("z0") and axes.get_ylabel().startswith("z1")
    low, high = axes.get_ylim()
    assert low > high, "pixels count from the top"


def test_manifold_ticks_stand_at_prior_quantiles():
    values, places = _quantile_ticks(-1.6448536, 1.6448536)
    assert values == ["-1.5", "-1", "-0.5", "0", "0.5", "1", "1.5"]
    quantiles = [
        0.0668072,
        0.1586553,
        0.3085375,
        0.5,
        0.6914625,
        0.8413447,
        0.9331928,
    ]  # F of these, from a table
    np.testing.assert_allclose(places, (np.array(quantiles) - 0.05) / 0.9, atol=1e-6)


def test_the_first_epochs_do_not_squash_the_rest():
    bound = -20 - 1000 * np.exp(-np.arange(1.0, 61.0))
    low, high = limits([bound, bound - 2])
    assert -25 < low < -22 and -20 <= high < -19
    assert limits([np.array([-600.0, -30.0, -29.0, -28.0, -27.0])])[0] > -40


def test_epochs_count_from_one_where_they_are_not_given(monkeypatch, tmp_path):
    monkeypatch.setattr(curves, "save", lambda figure, path: figure)
    figure = plotting.save_loss_curves(tmp_path / "curves.png", [{"bound": -3.0}, {"bound": -2.0}], title="t")
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1.0, 2.0]


def test_limits_hold_what_is_not_far_off():
    line = np.linspace(-30, -20, 60)
    assert limits([np.concatenate([[-40.0], line])])[0] < -40, "one width of the bulk below it"
    assert limits([line]) == pytest.approx((-30.5, -19.5))
    assert limits([np.array([-600.0, -30.0])]) == pytest.approx((-628.5, -1.5)), "too few to judge"
    assert limits([np.array([3.0] + [0.0] * 20)]) == pytest.approx((-0.15, 3.15)), (
        "a constant bulk tells no scale"
    )
    assert limits([np.zeros(9)]) == (-1, 1)
    sparse = [line, np.array([-90.0])]
    assert limits(sparse)[0] < -90, "a short curve is no outlier of a long one"


def test_principal_components_find_the_axes_and_their_shares():
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    codes = np.zeros((100, 5)) + 7
    codes[:, 3] += 4 * np.cos(angle)
    codes[:, 1] += 2 * np.sin(angle)
    codes[:, 0] += np.sin(2 * angle)
    points, shares = principal(codes)
    np.testing.assert_allclose(shares, [16 / 21, 4 / 21])
    np.testing.assert_allclose(np.abs(points), np.abs(codes[:, [3, 1]] - 7), atol=1e-12)


BAD = {
    "game-empty": lambda path: plotting.save_game_curves(path, [], title="t"),
    "game-bounds": lambda path: plotting.save_game_curves(path, HISTORY, title="t"),
    "outputs-rank": lambda path: plotting.save_outputs(
        path, np.zeros((5, 1)), np.zeros(5), title="t", probabilities=True
    ),
    "outputs-nan": lambda path: plotting.save_outputs(
        path, np.zeros(5), np.full(5, np.nan), title="t", probabilities=True
    ),
    "densities-none": lambda path: plotting.save_densities(path, {}, title="t"),
    "densities-rank": lambda path: plotting.save_densities(path, {"data": PLANE[:, :1]}, title="t"),
    "panels-none": lambda path: plotting.save_point_panels(path, PLANE, {}, title="t"),
    "grid-rank": lambda path: plotting.save_image_grid(path, DIGITS[0], title="t"),
    "grid-channels": lambda path: plotting.save_image_grid(path, np.repeat(DIGITS, 2, -1), title="t"),
    "grid-empty": lambda path: plotting.save_image_grid(path, DIGITS[:0], title="t"),
    "grid-uint8": lambda path: plotting.save_image_grid(path, (DIGITS * 255).astype("uint8"), title="t"),
    "grid-nan": lambda path: plotting.save_image_grid(path, DIGITS * np.nan, title="t"),
    "grid-columns": lambda path: plotting.save_image_grid(path, DIGITS, title="t", columns=0),
    "grid-too-many": lambda path: plotting.save_image_grid(path, np.zeros((10_001, 1, 1, 1)), title="t"),
    "pairs": lambda path: plotting.save_reconstructions(path, DIGITS, DIGITS[:5], title="t"),
    "history": lambda path: plotting.save_loss_curves(path, [], title="t"),
    "codes-rank": lambda path: plotting.save_latent_map(path, np.zeros(5), title="t"),
    "codes-one": lambda path: plotting.save_latent_map(path, np.zeros((1, 5)), title="t"),
    "codes-infinite": lambda path: plotting.save_latent_map(path, np.full((5, 2), np.inf), title="t"),
    "labels": lambda path: plotting.save_latent_map(path, np.zeros((5, 2)), [0, 1], title="t"),
    "canvases-rank": lambda path: plotting.save_canvases(path, DIGITS, title="t", names=["a"]),
    "canvases-names": lambda path: plotting.save_canvases(path, DIGITS[None], title="t", names=[]),
    "canvases-windows": lambda path: plotting.save_canvases(
        path, DIGITS[None], title="t", names=["a"], windows=np.zeros((1, 30, 2))
    ),
    "sizes-edges": lambda path: plotting.save_effective_sizes(path, [0.0, 1.0], [3], title="t"),
    "sizes-counts": lambda path: plotting.save_effective_sizes(path, [1.0, 2.0], [3, 4], title="t"),
    "variances-none": lambda path: plotting.save_unit_variances(path, [], title="t", threshold=0.01),
    "variances-nan": lambda path: plotting.save_unit_variances(path, [[np.nan]], title="t", threshold=0.01),
    "rate-infinite": lambda path: plotting.save_rate_distortion(path, np.inf, 1.0, title="t"),
    "rate-course": lambda path: plotting.save_rate_distortion(path, 1.0, 1.0, title="t", course=[1.0, 2.0]),
    "manifold-rank": lambda path: plotting.save_manifold_grid(path, DIGITS, title="t", extent=EXTENT),
    "manifold-oblong": lambda path: plotting.save_manifold_grid(path, GRID[:2], title="t", extent=EXTENT),
    "manifold-extent": lambda path: plotting.save_manifold_grid(path, GRID, title="t", extent=(1, -1)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line_and_no_file(name, tmp_path):
    with pytest.raises(UserError, match="; received ") as told:
        BAD[name](tmp_path / "figure.png")
    assert "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


def test_bars_of_few_particles_and_idle_units_are_told_apart_by_colour(tmp_path):
    """Kills: the two colours exchanged; a bin that straddles the threshold among the few."""

    def areas(path):
        picture = png.imread(path)
        return [
            (np.abs(picture[:, :, :3] - np.array(colour)).max(axis=-1) < 0.02).sum()
            for colour in (matplotlib.colors.to_rgb("#0072B2"), matplotlib.colors.to_rgb("#D55E00"))
        ]

    many, few = areas(
        plotting.save_effective_sizes(tmp_path / "a.png", [1.0, 10.0, 100.0], [10, 30], title="t", few=10)
    )
    assert 2.5 < many / few < 3.5
    assert (
        areas(plotting.save_effective_sizes(tmp_path / "b.png", [5.0, 20.0], [9], title="t", few=10))[1] == 0
    )
    units = [np.array([1.0, 1.0, 1.0, 0.001])]
    active, idle = areas(plotting.save_unit_variances(tmp_path / "c.png", units, title="t", threshold=0.01))
    assert 6 < active / idle < 14


def test_columns_stand_in_order_and_hide_what_is_not_shown(tmp_path):
    """Kills: rows for columns; the shown pixels hidden in place of the others."""
    levels = np.arange(1, 7) / 10
    images = np.ones((6, 8, 8, 1), np.float32) * levels[:, None, None, None]
    columns = {"truth": images[:3], "condition": images[3:]}
    path = plotting.save_columns(tmp_path / "plain.png", columns, title="t")
    (row, column), step = np.array(centres(path, levels)).reshape(2, 3, 2).transpose(2, 0, 1), 116
    np.testing.assert_allclose(row - row[0, 0], [[0, step, 2 * step]] * 2, atol=1)
    np.testing.assert_allclose(column - column[0, 0], [[0] * 3, [step] * 3], atol=1)
    hidden = np.arange(64).reshape(8, 8, 1) % 8 != 4
    path = plotting.save_columns(tmp_path / "hidden.png", columns, title="t", hidden={"condition": hidden})
    picture = png.imread(path)
    blue = (picture[:, :, 2] > picture[:, :, 0] + 0.2).sum()
    one_tile = (np.abs(picture[:, :, 0] - 0.1) < 0.005).sum()
    assert blue == pytest.approx(one_tile * 3 * 7 / 8, rel=0.05)
    with pytest.raises(UserError, match="differ in shape"):
        plotting.save_columns(tmp_path / "bad.png", columns | {"more": images}, title="t")
