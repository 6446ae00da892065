"""A game as a run: its history and figures, resumed bit for bit, and sampled.

Mutations, each seen to break a test here: checkpoints without the discriminator's optimiser; the samples of a later
epoch kept where a run has gone back; the discriminator trained at the generator's learning rate.
"""

import shutil

import keras
import numpy as np
import pytest
from kit.interrupting import assert_same_after_a_stop

from tfvae import cli
from tfvae.training.config import Config
from tfvae.training.runs import comparison_figures, loading, resumption
from tfvae.training.runs.directory import RunDirectory

TINY = {
    "preset": "gan",
    "dataset": "ring",
    "epochs": 2,
    "batch_size": 1500,
    "latent_size": 2,
    "discriminator_steps": 2,
    "r1_penalty": 0.1,
    "penalty_every": 3,
    "discriminator_learning_rate": 0.01,
    "checkpoint_seconds": 0.0,
    "ema": 0.9,
}


def test_history_and_figures(tiny_game):
    run = RunDirectory(tiny_game)
    first, last = run.read_history()
    metrics = {"loss", "discriminator_loss", "real_output", "fake_output", "output_gradient"}
    both = {prefix + name for name in metrics for prefix in ("", "val_")}
    assert set(first) == set(last) == {"epoch", "learning_rate", "seconds", *both}
    figures = {path.name for path in run.figures.iterdir()}
    assert figures == {"loss_curves.png", "samples.png", "outputs.png", "course.png", "course.npz"}
    with np.load(run.figures / "course.npz") as course:
        assert course.files == ["000001", "000002"]
        model = loading.load_model(run)
        np.testing.assert_array_equal(course["000002"], model.sample(400, seed=0))
        assert (course["000001"] != course["000002"]).any()


def test_samples_of_later_epochs_are_forgotten_where_a_run_has_gone_back(tiny_game, tmp_path, monkeypatch):
    folder = tmp_path / "figures"
    shutil.copytree(tiny_game / "figures", folder)
    model = loading.load_model(RunDirectory(tiny_game))
    comparison_figures._draw_course(folder, model, np.zeros((9, 2), np.float32), 1)
    with np.load(folder / "course.npz") as course:
        assert course.files == ["000001"]
    (folder / "course.npz").write_bytes(b"damaged")
    assert comparison_figures._course(folder / "course.npz") == {}


def test_stopped_within_an_epoch_and_resumed_it_ends_with_the_same_bytes(train):
    keras.backend.clear_session()  # so that layers have the same names in the files
    reference = train("reference")
    run = assert_same_after_a_stop(train, reference, 1, "after epoch 0 of 2 and 1 step of the next")
    model = loading.load_model(run)
    rates = [float(optimizer.learning_rate) for optimizer, _ in model.optimizers().values()]
    np.testing.assert_allclose(rates, [1e-3, 1e-2])
    assert int(model.discriminator_optimizer.iterations) == 2 * int(model.optimizer.iterations) == 12


def test_samples_of_a_game(tiny_game, tmp_path, capsys):
    out = tmp_path / "samples.npy"
    assert cli.main(["sample", str(tiny_game), "-n", "7", "--seed", "3", "--out", str(out)]) == 0
    model = loading.load_model(RunDirectory(tiny_game))
    np.testing.assert_array_equal(np.load(out), model.sample(7, seed=3))
    assert cli.main(["sample", str(tiny_game), "-n", "7", "--out", str(tmp_path / "samples.png")]) == 0


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """The folder of a run of moment matching that kept an average of its weights."""
    folder = tmp_path_factory.mktemp("runs") / "averaged"
    words = ["--preset", "gmmn", "--dataset", "digits", "--epochs", "2", "--batch-size", "400"]
    assert cli.main(["train", "--run-dir", str(folder), *words, "--ema", "0.5"]) == 0
    return folder


def test_a_run_with_an_average_samples_and_draws_by_it(averaged, tmp_path):
    drawn = {}
    for name, words in (("average", []), ("plain", ["--plain-weights"])):
        out = tmp_path / f"{name}.npy"
        assert cli.main(["sample", str(averaged), "-n", "4", "--out", str(out), *words]) == 0
        drawn[name] = np.load(out)
    run = RunDirectory(averaged)
    model, plain = loading.load_model(run), loading.load_model(run, plain_weights=True)
    np.testing.assert_array_equal(drawn["average"], model.sample(4, seed=0))
    np.testing.assert_array_equal(drawn["plain"], plain.sample(4, seed=0))
    assert model.uses_average and np.abs(drawn["average"] - drawn["plain"]).max() > 1e-3
    with np.load(run.figures / "course.npz") as course:
        np.testing.assert_allclose(course["000002"][:4], drawn["average"], atol=1e-6)


def test_an_export_has_no_particles(tiny_game, capsys):
    assert cli.main(["export", str(tiny_game), "--format", "tflite", "--num-samples", "9"]) == 2
    line = capsys.readouterr().err
    assert "--num-samples is for log_prob, which a generator without a likelihood has not" in line
    assert line.count("\n") == 1 and not (tiny_game / "export").exists()


@pytest.mark.parametrize("command", ["sample", "evaluate", "export"])
def test_plain_weights_are_refused_where_there_are_no_others(command, tiny_game, capsys):
    words = ["--format", "tflite"] if command == "export" else []
    assert cli.main([command, str(tiny_game), "--plain-weights", *words]) == 2
    line = capsys.readouterr().err
    assert "the run kept no average of its generator's weights" in line and line.count("\n") == 1


def test_a_cost_that_explodes_is_told_in_one_line(tmp_path, capsys):
    words = ["--preset", "gan", "--dataset", "ring", "--epochs", "2", "--batch-size", "1500"]
    words += ["--cost", "maximum-likelihood", "--learning-rate", "1000", "--figures-every", "0"]
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), *words]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "is not finite" in line and "lower --learning-rate" in line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "gan", "--cost", "least-squares"], "unknown cost"),
        (["--preset", "gan", "--discriminator-steps", "0"], "discriminator_steps is not a positive integer"),
        (["--preset", "gan", "--estimator", "iwae"], "preset gan has no estimator"),
        (["--preset", "gan", "--binarize", "static"], "compared as they are"),
        (["--preset", "gan", "--patience", "2"], "no metric of its training"),
        (["--cost", "hinge"], "preset digits has no cost"),
        (["--preset", "dcgan", "--dataset", "ring"], "do not fit preset dcgan"),
    ],
)
def test_bad_input_is_one_line_and_no_run(words, says, tmp_path, capsys):
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), *words]) == 2
    line = capsys.readouterr().err
    assert says in line and line.count("\n") == 1 and not (tmp_path / "run").exists()


def test_a_finished_game_is_resumed_with_its_own_settings(tiny_game, tmp_path):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(tiny_game, run.path)
    assert run.config() == Config.from_json(run.config().to_json())
    with pytest.raises(Exception, match="has other settings"):
        resumption.changed(run, {"cost": "minimax"})
