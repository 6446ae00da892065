"""`tfvae latent`: a picture from each tool, and one line for what it cannot do.

Mutations, each seen to break a test here: an option of another tool that is ignored; a label that is not compared.
"""

import shutil

import numpy as np
import pytest
from kit.untrained import untrained
from matplotlib import image as png

from tfvae import cli


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("runs") / "digits")


@pytest.mark.parametrize(
    "words",
    [
        ["interpolate", "--rows", "3", "--steps", "5"],
        ["interpolate", "--method", "spherical"],
        ["attribute"],
        ["attribute", "--label", "7", "--strength", "-1", "--steps", "1", "--split", "train"],
        ["manifold", "--side", "6"],
        ["traverse", "--reach", "2"],
    ],
)
def test_a_picture(words, run, tmp_path, capsys):
    out = tmp_path / "figure.png"
    assert cli.main(["latent", str(run), *words, "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    pixels = png.imread(out)[..., :3]
    assert pixels.std() > 0.05 and min(pixels.shape[:2]) > 100
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def test_without_out_it_goes_to_the_figures(run, capsys):
    assert cli.main(["latent", str(run), "manifold"]) == 0
    assert (run / "figures" / "manifold.png").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rotate"], "one of interpolate, attribute, manifold, traverse"),
        ([], "interpolate|attribute|manifold|traverse"),
        (["manifold", "--label", "3"], "--label is for attribute"),
        (["traverse", "--method", "linear"], "--method is for interpolate"),
        (["interpolate", "--method", "round"], "linear, spherical"),
        (["interpolate", "--steps", "1"], "steps >= 2"),
        (["interpolate", "--steps", "0"], "--steps"),
        (["interpolate", "--rows", "1000"], "at most 179"),
        (["traverse", "--rows", "3"], "--rows is more than the latent units; expected at most 2"),
        (["manifold", "--split", "train"], "--split is for interpolate, attribute, traverse"),
        (["attribute", "--label", "11"], "0 with and 359 without"),
        (["attribute", "--strength", "inf"], "--strength"),
        (["attribute", "--split", "all"], "--split"),
        (["manifold", "--out", "figure.pdf"], "FILE.png"),
        (["manifold", "--out", "nowhere/figure.png"], "no directory"),
    ],
)
def test_bad_input_is_refused_in_one_line(words, told, run, refused):
    assert told in refused("latent", run, *words)


def test_a_directory_without_a_run(refused, tmp_path):
    assert "no run" in refused("latent", tmp_path, "manifold")


@pytest.mark.slow
def test_models_that_a_tool_is_not_for(refused, tmp_path):
    images = np.random.default_rng(0).random((20, 28, 28)).astype(np.float32)
    np.savez(tmp_path / "plain.npz", x_train=images, x_test=images)
    plain = {"dataset": str(tmp_path / "plain.npz"), "batch_size": 5}
    for preset, tool, told in (
        ("tutorial-400-20", "attribute", "has no labels"),
        ("tutorial-400-20", "manifold", "no two-dimensional latent space"),
        ("sbn-200-200-200", "traverse", "no continuous latents"),
        ("sbn-200-200-200", "interpolate", "no continuous latents"),
        ("ring", "traverse", "made of images"),
    ):
        run = tmp_path / preset
        if not run.exists():
            untrained(run, preset=preset, **({} if preset == "ring" else plain))
        assert told in refused("latent", run, tool)
