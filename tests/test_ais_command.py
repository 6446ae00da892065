"""`tfvae evaluate --method ais`: what it writes and says, and one line for what it cannot do.

Kills: an option of another method ignored, the particles' estimate written as that of the chains, a second evaluation
that starts from the first one's blocks, a bad example numbered by its place among those evaluated.
"""

import importlib
import shutil

import numpy as np
import pytest
from kit.evaluations import last
from kit.untrained import untrained

from tfvae import cli
from tfvae.evaluation.per_example import check_finite
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import fixed_shuffle

FEW = ["--method", "ais", "--num-samples", "20", "--num-temperatures", "4", "--chains", "3"]


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    return RunDirectory(shutil.copytree(tiny_run, tmp_path_factory.mktemp("runs") / "digits"))


def refused(capsys, *words):
    capsys.readouterr()
    assert cli.main([str(word) for word in words]) == 2
    output, errors = capsys.readouterr()
    assert output == "" and len(errors.splitlines()) == 1
    return errors


@pytest.mark.slow
def test_it_writes_and_says_its_result(run, capsys):
    words = ["evaluate", str(run.path), *FEW, "--limit", "12", "--simulated", "5"]
    assert cli.main(words) == 0
    result = last(run)
    expected = {
        "method": "ais",
        "num_temperatures": 4,
        "num_chains": 3,
        "init": "prior",
        "num_samples": 20,
        "num_examples": 12,
        "simulated_examples": 5,
        "split": "test",
        "binarize": "dynamic",
    }
    assert expected.items() <= result.items()
    assert {"nll_standard_error", "elbo", "active_units", "simulated_gap_standard_error"} <= result.keys()
    assert result["nll"] != result["importance_nll"]
    assert abs(result["nll"] - result["importance_nll"]) < 10 and 0 < result["acceptance"] < 1
    gap = result["simulated_upper"] - result["simulated_lower"]
    assert result["simulated_gap"] == pytest.approx(gap) and gap > 0
    output, errors = capsys.readouterr()
    assert f"{result['nll']:.2f} +- {result['nll_standard_error']:.2f} nats" in output
    assert "3 chains of 4 temperatures from the prior" in output and "5 examples from the model" in output
    assert "example 12/12" in errors and "example 5/5" in errors
    assert cli.main(words) == 0
    assert last(run) == result
    assert not list(run.path.glob("*.partial.npz"))


@pytest.mark.slow
def test_an_interrupted_one_goes_on(run, monkeypatch):
    module = importlib.import_module("tfvae.evaluation.ais")
    monkeypatch.setattr(module, "examples_at_once", lambda *_: 5)
    words = ["evaluate", str(run.path), *FEW, "--limit", "12"]
    assert cli.main(words) == 0
    whole = last(run)
    assert whole["method"] == "ais" and "simulated_gap" not in whole
    done, real = [], module.of_log_weights

    def stop(log_weights, start):
        if start == 10 and not done:
            done.append(start)
            raise KeyboardInterrupt
        assert not done or start == 10
        return real(log_weights, start)

    monkeypatch.setattr(module, "of_log_weights", stop)
    assert cli.main(words) != 0
    (kept,) = run.path.glob("evaluation-ais-*.partial.npz")
    with np.load(kept) as saved:
        assert {"0", "5"} <= set(saved.files)
    assert cli.main(words) == 0
    assert last(run) == whole


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--method", "nothing"], "--method"),
        (["--chains", "4"], "--chains belongs to --method ais"),
        (["--num-temperatures", "4"], "--num-temperatures belongs to --method ais"),
        (["--simulated", "0"], "--simulated belongs to --method ais"),
        (["--method", "ais", "--num-temperatures", "0"], "--num-temperatures is not a positive integer"),
        (["--method", "ais", "--chains", "-2"], "--chains is not a positive integer"),
        (["--method", "ais", "--simulated", "-1"], "--simulated is not a fitting integer"),
        (["--method", "ais", "--init", "nothing"], "unknown --init"),
        (["--method", "ais", "--against", "other"], "--against compares by importance sampling"),
        (["--method", "ais", "--limit", "360"], "--limit is larger than the split"),
    ],
)
def test_bad_input_is_one_line(run, capsys, words, says):
    assert says in refused(capsys, "evaluate", run.path, *words)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("importance.finish", []),
        pytest.param("ais.of_log_weights", FEW, marks=pytest.mark.slow),
        pytest.param(
            "gap.figures", ["--gap", "--gap-examples", "5", "--gap-steps", "2"], marks=pytest.mark.slow
        ),
    ],
)
def test_a_figure_that_is_no_number_is_told_with_its_number_in_the_split(
    run, monkeypatch, capsys, place, words
):
    module, name = place.split(".")
    module = importlib.import_module(f"tfvae.evaluation.{module}")
    compute = getattr(module, name)

    def spoil(figures, start, *rest):
        result = compute(figures, start, *rest)
        result[0, 3] = np.nan
        check_finite("log-weights", result, start)
        return result

    monkeypatch.setattr(module, name, spoil)
    capsys.readouterr()
    assert cli.main(["evaluate", str(run.path), "--limit", "7", "--num-samples", "20", *words]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        "log-weights are NaN or infinite; expected finite log-densities; received 1 bad ones in a block of"
        in error
    )
    assert f"the first at example {fixed_shuffle(len(loading.load_data(run.config()).test))[3]};" in error


@pytest.mark.slow
def test_runs_that_cannot_be_annealed(tmp_path, capsys):
    images = np.random.default_rng(0).random((40, 28, 28)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=images, x_test=images[:10])
    settings = {"preset": "sbn-200-200-200", "dataset": str(tmp_path / "data.npz"), "batch_size": 20}
    discrete = untrained(tmp_path / "discrete", **settings)
    assert "discrete latents; evaluate it with log_marginal (--method importance)" in refused(
        capsys, "evaluate", discrete.path, *FEW
    )
    assert cli.main(["evaluate", str(discrete.path), "--num-samples", "20"]) == 0
    told = capsys.readouterr().out
    assert "take more with --num-samples" in told and "--method ais" not in told
    regressor = untrained(tmp_path / "regressor", preset="regressor-column")
    assert "exact" in refused(capsys, "evaluate", regressor.path, *FEW)


@pytest.mark.slow
def test_a_conditional_run(tmp_path, capsys):
    run = untrained(tmp_path / "cvae", preset="cvae-column", latent_size=2)
    words = ["evaluate", str(run.path), *FEW, "--limit", "6"]
    assert cli.main([*words, "--simulated", "6"]) == 0
    assert last(run)["simulated_gap"] > -1
    assert "at most 6" in refused(capsys, *words, "--simulated", "7")
