"""Noise-contrastive estimation as a run: what it finds of independent components, resumed bit for bit, and evaluated.

Written against these mutations: noise of another covariance than the data's; log Z as it was learned in the
likelihood of an evaluation; the learned and the annealed log Z exchanged.
"""

import shutil

import keras
import numpy as np
import pytest
from kit.evaluations import last
from kit.interrupting import assert_same_after_a_stop

from tfvae import cli
from tfvae.checks import UserError
from tfvae.models.known_noise import normal_of
from tfvae.training import data, loop
from tfvae.training.config import Config
from tfvae.training.data import ica
from tfvae.training.evaluation import normalizer
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory

TINY = {"preset": "nce-ica", "epochs": 2, "batch_size": 4000, "checkpoint_seconds": 0.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a short run."""
    folder = tmp_path_factory.mktemp("runs") / "ica"
    words = ["--preset", "nce-ica", "--epochs", "2", "--batch-size", "4000", "--figures-every", "0"]
    assert cli.main(["train", "--run-dir", str(folder), *words]) == 0
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.setattr(normalizer, "SETTINGS", {"num_temperatures": 100, "num_chains": 100})
    return RunDirectory(shutil.copytree(made, tmp_path / "ica"))


@pytest.mark.slow
def test_stopped_within_an_epoch_and_resumed_it_ends_with_the_same_bytes(train):
    keras.backend.clear_session()  # so that layers have the same names in the files
    reference = train("reference")
    assert_same_after_a_stop(train, reference, 1, "after epoch 0 of 2 and 1 step of the next")


@pytest.mark.slow
def test_the_preset_unmixes_the_sources(tmp_path):
    """B A is a permutation with signs, and log Z that of the closed form."""
    run = RunDirectory(tmp_path / "run")
    loop.train(Config.resolve({"preset": "nce-ica", "figures_every": 0}), run, say=lambda line: None)
    model = loading.load_model(run)
    unmixing = model.energy.unmixing.numpy()
    product = np.abs(unmixing @ ica.MIXING)
    assert sorted(product.argmax(axis=1)) == [0, 1, 2, 3]
    np.testing.assert_allclose(np.sort(product, axis=1), [[0, 0, 0, 1]] * 4, atol=0.1)
    expected = 2 * np.log(2) - np.linalg.slogdet(unmixing)[1]
    assert abs(model.log_normalizer - expected) < 0.05


def test_the_noise_has_the_moments_of_the_training_examples(made):
    model = loading.load_model(RunDirectory(made))
    x = data.load("ica").train.images
    noise = model.noise
    np.testing.assert_allclose(noise.mean(), x.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(noise.covariance(), np.cov(x, rowvar=False), rtol=1e-4, atol=1e-4)
    with pytest.raises(UserError, match=r"has no density; expected vectors that fill 2 dimensions"):
        normal_of(np.ones((5, 2)))


def test_an_evaluation_takes_the_log_normaliser_of_annealing(run, capsys):
    model = loading.load_model(run)
    assert cli.main(["evaluate", str(run.path), "--limit", "200", "--full"]) == 0
    found = last(run)
    learned, annealed = found["learned_log_normalizer"], found["log_normalizer"]
    assert learned == model.log_normalizer != annealed and found["method"] == "importance"
    closed = 2 * np.log(2) - np.linalg.slogdet(model.energy.unmixing.numpy())[1]
    assert abs(annealed - closed) < 5 * found["log_normalizer_standard_error"] < 0.5
    assert found["nll_monte_carlo_standard_error"] == found["log_normalizer_standard_error"]
    order = np.random.default_rng(0).permutation(4000)[:200]
    energies = model.energy(data.load("ica").test.images[order]).numpy()
    assert found["nll"] == pytest.approx(energies.mean() + annealed, abs=1e-4)
    assert found["quality_missing"] == "a NoiseContrastive makes no samples"
    assert f"learned {learned:.4f}" in capsys.readouterr().out
    text = run.report_file.read_text().partition("evaluation.json</summary>")[0]
    assert "Log-normaliser" in text and "Samples beside real data" not in text
    figures = {path.name for path in run.figures.iterdir()}
    assert figures == {"loss_curves.png"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sample"], "is a density, of which no samples are drawn"),
        (["evaluate", "--method", "ais"], "annealed importance sampling needs latents"),
        (["evaluate", "--method", "prior"], "gives log p(x) itself and has no prior to draw from"),
        (["evaluate", "--chains", "4"], "--chains belongs to --method ais"),
        (["evaluate", "--gap"], "without latents has no inference gap"),
        (["evaluate", "--against", "."], "one has no likelihood p(x|z)"),
        (["latent", "interpolate"], "no continuous latents"),
        (["encode", "ica"], "NoiseContrastive"),
        (["export", "--format", "web"], "received [4], no latents"),
    ],
)
def test_what_a_density_cannot_do_is_one_line(run, words, says, capsys, monkeypatch):
    monkeypatch.setattr(normalizer, "settle", None)  # before anything slow
    monkeypatch.chdir(run.path)
    assert cli.main([words[0], str(run.path), *words[1:]]) == 2
    output, errors = capsys.readouterr()
    assert output == "" and len(errors.splitlines()) == 1 and says in errors


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--dataset", "ring"], "do not fit preset nce-ica"),
        (["--latent-size", "3"], "has no latent variables"),
        (["--likelihood", "normal"], "preset nce-ica has no likelihood"),
        (["--prior", "standard"], "takes no other prior"),
        (["--cost", "hinge"], "preset nce-ica has no cost"),
    ],
)
def test_bad_input_is_one_line_and_no_run(words, says, tmp_path, capsys):
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), "--preset", "nce-ica", *words]) == 2
    line = capsys.readouterr().err
    assert says in line and line.count("\n") == 1 and not (tmp_path / "run").exists()
