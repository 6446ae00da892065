"""The command line with a condition: what such runs leave, and one line for what does not fit.

Mutation, seen to break a test here: bits per dimension of the whole image in place of the pixels that are not shown.
"""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from kit.evaluations import last
from kit.marks import tiers
from kit.untrained import untrained

from tfvae import cli
from tfvae.presets import conditions
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory

TINY = ["--epochs", "2", "--batch-size", "400", "--figures-every", "0"]


def test_what_conditions_show():
    column, quadrant = (conditions.mask(kind, (4, 6, 1))[..., 0] for kind in ("column", "quadrant"))
    assert np.argwhere(column).tolist() == [[row, 3] for row in range(4)]
    assert np.argwhere(quadrant).tolist() == [[row, column] for row in (2, 3) for column in (0, 1, 2)]
    assert conditions.mask("label", (4, 6, 1)) is None


def test_the_warm_up_of_a_preset_is_a_share_of_the_epochs_where_the_estimator_allows_one():
    def resolve(**given):
        return Config.resolve({"preset": "cvae-column"} | given).kl_warmup

    assert (resolve(), resolve(epochs=7), resolve(kl_warmup=0), resolve(estimator="rws")) == (10, 2, 0, 0)
    assert Config.resolve({"preset": "regressor-column"}).kl_warmup == 0


def train(folder, name, *words):
    assert cli.main(["train", "--run-dir", str(folder / name), *TINY, *words]) == 0
    return RunDirectory(folder / name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        "cvae": train(folder, "cvae", "--preset", "cvae-column", "--latent-size", "2"),
        "regressor": train(folder, "regressor", "--preset", "regressor-column", "--seed", "1"),
        "quadrant": untrained(folder / "quadrant", preset="regressor-quadrant"),
        "density": untrained(
            folder / "density", preset="regressor-column", likelihood="normal", binarize="dynamic"
        ),
    }


def refused(capsys, *words):
    capsys.readouterr()
    assert cli.main([str(word) for word in words]) == 2
    output, errors = capsys.readouterr()
    assert output == "" and errors.count("\n") == 1
    return errors


def evaluate(run, *words):
    assert cli.main(["evaluate", str(run.path), "--num-samples", "7", "--limit", "40", *map(str, words)]) == 0
    return last(run)


@pytest.mark.slow
def test_runs_leave_their_figures(runs):
    names = {name: {path.stem for path in run.figures.glob("*.png")} for name, run in runs.items()}
    assert names["cvae"] >= {"conditional", "latent_map", "loss_curves", "reconstructions"}
    assert names["regressor"] >= {"conditional", "loss_curves"}


@pytest.mark.slow
def test_a_conditional_run_against_its_regressor(runs, capsys):
    result = evaluate(runs["cvae"], "--against", runs["regressor"].path)
    assert "given the column" in capsys.readouterr().out
    alone = evaluate(runs["regressor"])
    assert "(exact)" in capsys.readouterr().out
    contract = {
        "nll",
        "nll_standard_error",
        "elbo",
        "num_samples",
        "num_examples",
        "active_units",
        "split",
        "binarize",
    }
    assert contract <= result.keys() & alone.keys()
    assert result["num_samples"] == 7 and alone["num_samples"] is None and alone["active_units"] is None
    assert result["scored_values"] == alone["scored_values"] == 56
    assert result["condition"] == alone["condition"] == "column"
    assert alone["nll"] == -alone["elbo"] == pytest.approx(result["against_nll"])
    assert alone["nll_standard_error"] == pytest.approx(result["against_nll_standard_error"])
    assert result["nll_gain"] == pytest.approx(result["against_nll"] - result["nll"])
    assert 0 < result["nll_gain_standard_error"] < result["nll_standard_error"] + alone["nll_standard_error"]
    assert (runs["cvae"].figures / "comparison.png").stat().st_size > 1000
    assert "differ in condition" in refused(
        capsys, "evaluate", runs["cvae"].path, "--against", runs["quadrant"].path
    )
    words = ["--split", "validation", "--against", runs["regressor"].path]
    assert "chose by other seeds" in refused(capsys, "evaluate", runs["cvae"].path, *words)
    before = runs["cvae"].evaluation_file.read_bytes()
    said = refused(capsys, "evaluate", runs["cvae"].path, "--against", runs["density"].path)
    assert "differ in kind; expected probabilities of 2 levels, as Bernoulli gives them, in both" in said
    assert "received densities (Normal) in " in said
    assert runs["cvae"].evaluation_file.read_bytes() == before
    assert "there is no run" in refused(capsys, "evaluate", runs["cvae"].path, "--against", "nowhere")


@pytest.mark.slow
def test_bits_per_dimension_are_of_the_pixels_that_the_condition_does_not_show(tmp_path):
    words = ["--preset", "regressor-quadrant", "--likelihood", "discretized-logistic", "--epochs", "1"]
    result = evaluate(train(tmp_path, "levels", *words))
    assert result["levels"] == 17 and result["scored_values"] == 48
    assert result["bits_per_dimension"] == pytest.approx(result["nll"] / 48 / math.log(2), rel=1e-9)


def test_samples_go_with_the_conditions_of_test_examples(runs, tmp_path, capsys):
    def array(n):
        out = str(tmp_path / f"{n}.npy")
        assert cli.main(["sample", str(runs["cvae"].path), "-n", str(n), "--out", out]) == 0
        return np.load(out)

    few, many = array(11), array(16)
    assert few.shape == (11, 8, 8, 1)
    assert set(np.unique(many[..., 4, :])) <= {0.0, 1.0}
    assert (many[:8, :, 4] == many[0, :, 4]).all() and (many[8:, :, 4] == many[8, :, 4]).all()
    assert len(np.unique(many[:8].round(6), axis=0)) == 8
    np.testing.assert_array_equal(few[:, :, 4], many[:11, :, 4])
    capsys.readouterr()
    assert cli.main(["sample", str(runs["cvae"].path), "-n", "11"]) == 0
    assert Path(capsys.readouterr().out.strip()).stat().st_size > 1000
    for tool in (["interpolate", "--rows", "500"], ["attribute"], ["manifold"], ["traverse"]):
        assert "something else for each condition" in refused(capsys, "latent", runs["cvae"].path, *tool)
    assert "is a regressor" in refused(capsys, "sample", runs["regressor"].path)
    assert "-n is too large" in refused(capsys, "sample", runs["cvae"].path, "-n", 10_000)


@pytest.mark.slow
def test_a_label_is_a_condition_where_there_are_labels(tmp_path, capsys):
    run = train(tmp_path, "label", "--preset", "digits", "--condition", "label")
    assert evaluate(run)["scored_values"] == 64
    assert cli.main(["sample", str(run.path), "-n", "8"]) == 0
    x = np.random.default_rng(0).random((20, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x, x_test=x)
    words = ["--dataset", tmp_path / "data.npz", "--run-dir", tmp_path / "other"]
    said = refused(capsys, "train", "--preset", "digits", "--condition", "label", *words)
    assert "has no labels" in said and not (tmp_path / "other").exists()


def npz_with_conditions(folder, **others):
    """Writes the digits in two halves, each beside its mean and its row and column of most ink; returns the path."""
    from sklearn.datasets import load_digits

    x = (load_digits().images / 16).astype(np.float32)
    c = np.stack([x.mean(axis=(1, 2)), x.sum(axis=2).argmax(axis=1), x.sum(axis=1).argmax(axis=1)], axis=1)
    arrays = {"x_train": x[:900], "x_test": x[900:], "c_train": c[:900], "c_test": c[900:]} | others
    path = folder / "data.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_rows_of_a_figure_tell_what_their_condition_is():
    from tfvae.training.runs.figures import condition_column

    model = SimpleNamespace(visible=None, event_shape=(2, 2, 1))
    assert condition_column(model, np.eye(3)[[2, 0]]) == ({}, {"rows": ["label 2", "label 0"]})
    assert condition_column(model, np.array([[0.125, 7.0], [1.0, 0.0]]))[1] == {"rows": ["0.12 7", "1 0"]}
    assert condition_column(model, np.array([[1.0], [0.0]]))[1] == {"rows": ["1", "0"]}
    assert condition_column(model, np.full((1, 5), -2.5))[1] == {"rows": ["-2.5 -2.5 -2.5 ..."]}
    image = np.full((3, 2, 2, 1), 0.5)
    columns, options = condition_column(model, image)
    assert columns["condition"] is image and options == {}
    assert "rows" in condition_column(model, 300.0 * image)[1]


ARRAY = ["--condition", "array", "--dataset"]


@pytest.mark.slow
def test_arrays_beside_the_images_are_conditions(tmp_path, capsys, runs):
    column = runs["regressor"]
    words = [*ARRAY, str(npz_with_conditions(tmp_path))]
    run = train(tmp_path, "cvae", "--preset", "cvae-column", "--latent-size", "2", *words)
    regressor = train(tmp_path, "regressor", "--preset", "regressor-column", *words)
    result = evaluate(run, "--against", regressor.path)
    assert (result["condition"], result["scored_values"]) == ("array", 64) and "against_nll" in result
    out = tmp_path / "drawn.npy"
    assert cli.main(["sample", str(run.path), "-n", "16", "--out", str(out)]) == 0
    assert len(np.unique(np.load(out), axis=0)) == 16
    assert cli.main(["sample", str(run.path), "-n", "8"]) == 0
    npz_with_conditions(tmp_path, c_test=np.ones((897, 3)))
    assert "data" in refused(capsys, "evaluate", run.path) and "data" in refused(capsys, "sample", run.path)
    words = ["--format", "tflite", "--quantization", "dynamic", "--out", tmp_path / "export"]
    assert "has changed since" in refused(capsys, "export", run.path, *words)
    assert not (tmp_path / "export").exists()
    npz_with_conditions(tmp_path)
    assert "differ in dataset; expected digits in both" in refused(
        capsys, "evaluate", column.path, "--against", run.path
    )


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"c_test": None}, "no conditions of its test split; expected a condition for each image, as c_test"),
        ({"c_train": None}, "no conditions of its train split"),
        ({"c_test": np.ones((896, 3))}, "c_test of "),
        ({"c_test": np.ones((897, 4))}, "differ in condition shape"),
        ({"c_train": np.full((900, 3), np.nan)}, "has 2700 values that are NaN"),
        ({"x_valid": np.ones((5, 8, 8))}, "no conditions of its validation split; expected a condition"),
    ],
)
def test_unfit_conditions_are_told_before_anything_is_written(arrays, told, tmp_path, capsys):
    path = npz_with_conditions(tmp_path, **arrays)
    words = ["train", "--preset", "cvae-column", *ARRAY, path, "--run-dir", tmp_path / "run"]
    assert told in refused(capsys, *words)
    assert not (tmp_path / "run").exists()


def test_a_data_set_without_arrays_is_no_condition(tmp_path, capsys):
    words = ["train", "--preset", "cvae-column", "--condition", "array", "--run-dir", tmp_path / "run"]
    assert "data set digits has no conditions" in refused(capsys, *words)
    assert not (tmp_path / "run").exists()


DYNAMIC = ["tflite", "--quantization", "dynamic"]
EXPORTS = {"cvae-column": (DYNAMIC, ["saved_model"]), "regressor-column": (DYNAMIC,)}


@pytest.mark.parametrize("preset", tiers(EXPORTS, fast=(), kept=["cvae-column"]))
def test_a_run_with_arrays_is_exported(preset, tmp_path):
    words = [*ARRAY, str(npz_with_conditions(tmp_path)), "--epochs", "20"]
    run = train(tmp_path, preset, "--preset", preset, *words)
    for options in EXPORTS[preset]:
        assert cli.main(["export", str(run.path), "--num-samples", "4", "--format", *options]) == 0


@pytest.mark.slow
def test_a_conditional_run_is_exported_and_a_page_refused(runs, tmp_path, capsys):
    from tfvae.export import OnDevice

    out = tmp_path / "model.tflite"
    for options in ([], ["--quantization", "float16", "--overwrite"]):
        words = ["export", str(runs["cvae"].path), "--format", "tflite", "--num-samples", "4", *options]
        assert cli.main([*words, "--out", str(out)]) == 0
    assert OnDevice(out).condition_shape == (8, 8, 1)
    assert "no place for a condition" in refused(
        capsys, "export", runs["cvae"].path, "--format", "web", "--out", tmp_path / "page"
    )
