"""`tfvae evaluate` of a generator without a likelihood: its observation scale, its methods, and what it refuses.

Mutations, each seen to break a test here: a scale that each evaluation fits anew, or that another model's evaluation
takes; kernel density ranked above annealing; importance sampling as the default.
"""

import contextlib
import importlib
import json
import re
import shutil

import numpy as np
import pytest
from kit.evaluations import last

from tfvae import cli, plotting, presets
from tfvae.evaluation import ais
from tfvae.training.config import Config
from tfvae.training.evaluation import evaluate, observation, quality
from tfvae.training.evaluation.annealing import AnnealingSettings
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.loading import load_data, load_model

FEW = ["--limit", "8", "--num-temperatures", "10", "--chains", "3"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a run on the digits with a game that was not trained."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "game")
    config = Config.resolve({"preset": "gan", "latent_size": 2, "ema": 0.9})
    run.create(config, ["tfvae", "train"], load_data(config).fingerprint())
    model = presets.create(
        "gan", image_shape=(8, 8, 1), latent_size=2, widths=(8,), batch_norm=False, ema=0.9
    )
    for weight in model.weights:
        weight.assign(3 * weight)
    model.save(run.model_file)
    return run.path


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.setattr(observation, "EXAMPLES", 12)
    monkeypatch.setattr(observation, "SETTINGS", {"num_temperatures": 10, "num_chains": 3, "seed": 0})
    return RunDirectory(shutil.copytree(made, tmp_path / "game"))


def evaluated(run, *words):
    assert cli.main(["evaluate", str(run.path), *words]) == 0
    return last(run)


def test_it_anneals_with_a_scale_that_is_fitted_once(run, monkeypatch, capsys):
    model = run.model_file.read_bytes()
    result = evaluated(run, *FEW, "--simulated", "2")
    expected = {"method": "ais", "num_chains": 3, "scale_examples": 12, "simulated_examples": 2, "elbo": None}
    assert expected.items() <= result.items() and result["importance_nll"] is None
    scale = result["observation_scale"]
    assert 0.1 < scale < 1 and -result["nll"] < result["ceiling"]
    output, errors = capsys.readouterr()
    assert f"observation scale        {scale:.4g}" in output and "fitted on 12 validation examples" in output
    assert f"log p(x)                 {-result['nll']:.2f} nats; the scale's ceiling is" in output
    assert "validation example 12/12" in errors and "importance sampling" not in output
    monkeypatch.setattr(observation, "_fit", None)
    other = evaluated(run, *FEW, "--simulated", "0", "--seed", "1")
    assert other["observation_scale"] == scale and other["nll"] != result["nll"]
    assert "simulated_gap" not in other
    assert run.model_file.read_bytes() == model and not list(run.path.glob("*.partial.npz"))


@pytest.mark.parametrize("change", ["another model", "damaged"])
def test_a_kept_scale_of_something_else_is_not_taken(run, change):
    task = evaluate.Task.of(run, "test", 4, 0, kept=contextlib.ExitStack())
    first = observation.settle(task)
    content = json.loads(run.scale_file.read_text())
    content["observation_scale"] = 0.123
    if change == "another model":
        content["made_of"]["model"] = "0" * 64
    run.scale_file.write_text(json.dumps(content)[: None if change == "another model" else -5])
    task.model.observation_scale = None
    assert observation.settle(task) == first
    task.model.observation_scale = 0.4
    own = observation.settle(task)
    assert (own.observation_scale, own.scale_examples) == (0.4, None)


def settled(run):
    with contextlib.ExitStack() as kept:
        return observation.settle(evaluate.Task.of(run, "test", 4, 0, kept=kept)).observation_scale


def test_an_unreliable_fit_of_the_scale_is_told(run, capsys):
    """Three chains of ten temperatures do not come near the posterior."""
    result = evaluated(run, *FEW, "--simulated", "0")
    effective = result["scale_effective_chains"]
    assert result["scale_chains"] == 3 and 1 <= effective < 3
    kept = json.loads(run.scale_file.read_text())
    for chains, told in ((1.4, True), (2.5, False)):
        run.scale_file.write_text(json.dumps(kept | {"effective_chains": chains}))
        assert evaluated(run, *FEW, "--simulated", "0")["scale_effective_chains"] == chains
        assert ("1.4 of 3 chains carry the fit of the scale" in capsys.readouterr().out) == told


def test_some_examples_alone_are_annealed_unless_more_are_asked_for(run, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "ANNEALED", 8)
    first = evaluated(run, *FEW[2:], "--simulated", "0")
    assert first["num_examples"] == 8
    assert re.search(
        r"the first 8 of \d+ test examples are annealed; --limit \d+ anneals all", capsys.readouterr().err
    )
    assert evaluated(run, *FEW, "--simulated", "0")["nll"] == first["nll"]
    assert "are annealed" not in capsys.readouterr().err
    assert evaluated(run, "--method", "prior", "--num-samples", "5")["num_examples"] > 8


def test_an_interrupted_fit_goes_on(run, monkeypatch):
    module = importlib.import_module("tfvae.evaluation.scale_curve")
    monkeypatch.setattr(module, "examples_at_once", lambda *_: 5)
    whole = settled(run)
    run.scale_file.unlink()
    done, real = [], module.of_log_weights

    def stop(log_weights, start):
        if start == 10 and not done:
            done.append(start)
            raise KeyboardInterrupt
        assert not done or start == 10
        return real(log_weights, start)

    monkeypatch.setattr(module, "of_log_weights", stop)
    with pytest.raises(KeyboardInterrupt):
        settled(run)
    assert list(run.path.glob("evaluation-scale-*.partial.npz")) and not run.scale_file.exists()
    assert settled(run) == whole
    assert not list(run.path.glob("*.partial.npz"))


def test_the_average_of_the_weights_is_evaluated_unless_told_otherwise(run, capsys):
    model = load_model(run)
    for weight in model.generator_network.weights:
        weight.assign(0.5 * weight)
    model.save(run.model_file)
    averaged = evaluated(run, *FEW, "--simulated", "0")
    assert "weights of the generator their average over training" in capsys.readouterr().out
    kept = run.scale_file.read_bytes()
    plain = evaluated(run, *FEW, "--simulated", "0", "--plain-weights")
    assert (averaged["weights"], plain["weights"]) == ("average", "plain")
    assert plain["observation_scale"] != averaged["observation_scale"] and plain["nll"] != averaged["nll"]
    assert run.scale_file.read_bytes() == kept
    output = capsys.readouterr().out
    assert "weights of the generator as training left them" in output
    assert "is of the average of the weights" in output
    assert json.loads(run.evaluation_file.read_text())["weights"] == "average"


def test_kernel_density_is_told_as_what_it_is_and_does_not_count(run, capsys):
    annealed = evaluated(run, *FEW, "--simulated", "0")
    result = evaluated(run, "--limit", "8", "--method", "prior", "--num-samples", "5")
    assert result["method"] == "prior" and result["num_samples"] == 5
    assert result["nll"] != annealed["nll"] and result["observation_scale"] == annealed["observation_scale"]
    output = capsys.readouterr().out
    assert "kernel density of draws from the prior, too high: see --method ais" in output
    assert "still tells ais-" in output and "more trustworthy method" in output
    assert json.loads(run.evaluation_file.read_text())["method"] == "ais"


def test_samples_are_judged_without_codes(run, monkeypatch):
    monkeypatch.setattr(quality, "feature_model", lambda *_: None)
    monkeypatch.setattr(evaluate, "ANNEALED", 8)
    settings = evaluate.Settings(full=True, annealing=AnnealingSettings(2, 2, simulated=0))
    found = evaluate.evaluate(run, settings)
    assert found.likelihood.num_examples == 8 and found.quality.num_examples > 8
    assert found.quality.scores["frechet"].value > found.quality.scores["frechet"].real
    assert found.training_bound is None and found.gap is None
    assert found.codes.missing == "a GAN has no codes" and "no q(z|x)" in found.rate_distortion.missing
    assert "q(z|x)" in found.gap_missing


def test_images_that_it_cannot_make_are_drawn_beside_its_closest_samples(run, monkeypatch):
    monkeypatch.setattr(quality, "feature_model", lambda *_: None)
    drawn, real = [], plotting.save_rows
    monkeypatch.setattr(plotting, "save_rows", lambda *a, **k: drawn.append(a) or real(*a, **k))
    result = evaluated(run, "--full", "--simulated", "0", "--limit", "30", *FEW[2:])
    images, labels = next((a[1], a[2]) for a in drawn if a[0].name == "closest.png")
    assert images.shape == (2, 12, 8, 8, 1) and labels == ["test image", "closest sample"]
    task = evaluate.Task.of(run, "test", 30, 0, kept=contextlib.ExitStack())
    task.model.observation_scale = result["observation_scale"]
    found = ais(task.model, task.examples, 10, 3)
    least = task.examples.x[np.argmin(found.log_prob)]
    np.testing.assert_allclose(images[0, 0], least, atol=1e-6)
    assert np.abs(images[1] - images[1, :1]).max() > 1e-3
    assert "What the generator cannot make" in run.report_file.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--method", "importance"], r"a GAN has no q(z|x) to draw particles from; expected --method ais"),
        (["--gap"], "q(z|x)"),
        (["--init", "posterior"], 'a GAN has no q(z|x); expected init="prior"'),
        (["--method", "prior", "--chains", "4"], "--chains belongs to --method ais; received --method prior"),
        (["--schedule", "cosine"], "unknown --schedule"),
        (["--against", "."], "--against compares by importance sampling"),
    ],
)
def test_what_needs_q_is_refused_in_one_line_before_anything_slow(run, capsys, words, says):
    assert cli.main(["evaluate", str(run.path), *words]) == 2
    output, errors = capsys.readouterr()
    assert output == "" and len(errors.splitlines()) == 1 and says in errors
    assert not run.scale_file.exists()
