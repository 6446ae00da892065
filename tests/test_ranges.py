"""Every number of the command line and of a configuration has a range, and memory is estimated before it is taken.

Mutations, each seen to break a test here: an upper end of a setting removed; `_share` of endless epochs; the memory of
samples, of a training step and of chains not estimated; swap not counted.
"""

import dataclasses

import numpy as np
import pytest

from tfvae import cli, memory
from tfvae.checks import UserError
from tfvae.training.config import SETTINGS, Config
from tfvae.training.defaults import EPOCHS
from tfvae.training.game_settings import GameSettings

HUGE = "9" * 25
RANGES = {name: setting.ends for name, setting in SETTINGS.items() if setting.ends}
RELAXED = ("--preset", "sbn-200-200-200", "--estimator", "relaxed", "--estimator-option")
NUMBERS = [name for name in RANGES if name != "validation_size"]


CODED = ("autoencoder_epochs", "autoencoder_learning_rate")
GAMES = [field.name for field in dataclasses.fields(GameSettings)]


NEEDS = {  # other settings with which the ends of one are in range
    "backward_particles": {"num_samples": 10**6},
    "autoencoder_epochs": {"epochs": EPOCHS},
    "latent_weight": {"latent_comparison": "mmd"},
}


def fits(name, estimator):
    """Settings with which one may be given: of a preset that has it, or of an estimator."""
    presets = dict.fromkeys(GAMES, "gan") | dict.fromkeys(CODED, "gmmn-autoencoder")
    return {"preset": presets[name]} if name in presets else {"estimator": estimator}


@pytest.fixture
def refused(capsys, tmp_path, monkeypatch):
    """Returns a function that runs a command line in an empty directory and returns the line that refuses it."""
    monkeypatch.chdir(tmp_path)

    def refused(*words):
        assert cli.main(list(words)) == 2
        output, errors = capsys.readouterr()
        assert output == "" and errors.count("\n") == 1 and len(errors) <= 400 and errors[:-1].isprintable()
        assert list(tmp_path.iterdir()) == []
        return errors

    return refused


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [HUGE, "-" + HUGE, "9" * 400, "9" * 5000], ids=len)
def test_train_has_a_range_for_every_number(name, value, refused):
    line = refused("train", "--run-dir", "run", f"--{name.replace('_', '-')}={value}")
    assert name in line or name.replace("_", "-") in line


@pytest.mark.parametrize("name", RANGES)
def test_a_configuration_has_a_range_for_every_number(name):
    kinds = (float, int) if isinstance(RANGES[name][0], float) else (int,)
    for value in (10**25, -(10**25), 10**5000, *([1e308, float("nan"), float("inf")] * (float in kinds))):
        with pytest.raises(UserError, match=name):
            Config.resolve(fits(name, "elbo-analytic") | {name: value})


def test_the_ends_of_the_ranges_are_taken():
    for name in NUMBERS:
        for value in RANGES[name]:
            needs = NEEDS.get(name, {})
            chosen = fits(name, "elbo-analytic" if name in ("free_bits", "latent_weight") else "iwae")
            assert getattr(Config.resolve({**chosen, **needs, name: value}), name) == value


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--workers", HUGE, "--strategy", "multiworker"],
        ["train", "--workers", "2", "--max-restarts", HUGE, "--strategy", "multiworker"],
        ["train", "--worker-timeout", "1e308", "--strategy", "multiworker"],
        ["train", "--estimator", "miwae", "--estimator-option", f"groups={HUGE}"],
        ["train", "--estimator", "vr-iwae", "--estimator-option", "alpha=1e308"],
        ["train", *RELAXED, "temperature=1e308"],
        ["train", *RELAXED, "minimum=1e-320"],
        ["train", *RELAXED, "rate=1e30"],
        ["evaluate", "run", "--num-samples", HUGE],
        ["evaluate", "run", "--limit", HUGE],
        ["evaluate", "run", "--seed", HUGE],
        ["evaluate", "run", "--gap", "--gap-examples", HUGE],
        ["evaluate", "run", "--gap", "--gap-steps", HUGE],
        ["evaluate", "run", "--method", "ais", "--chains", HUGE],
        ["evaluate", "run", "--method", "ais", "--num-temperatures", HUGE],
        ["evaluate", "run", "--method", "ais", "--simulated", HUGE],
        ["sample", "run", "-n", "4294967300"],
        ["sample", "run", "--seed", HUGE],
        ["latent", "run", "manifold", "--side", HUGE],
        ["latent", "run", "interpolate", "--steps", HUGE],
        ["latent", "run", "interpolate", "--rows", HUGE],
        ["latent", "run", "interpolate", "--rows", "200", "--steps", "200"],
        ["latent", "run", "traverse", "--reach", "1e308"],
        ["latent", "run", "attribute", "--strength=-1e308"],
        ["latent", "run", "attribute", "--label", HUGE],
        ["export", "run", "--format", "saved_model", "--version", HUGE],
        ["export", "run", "--format", "saved_model", "--num-samples", HUGE],
        ["export", "run", "--format", "tflite", "--fixed-batch", HUGE],
    ],
    ids=" ".join,
)
def test_other_numbers_are_refused_before_the_run_is_looked_for(words, refused):
    line = refused(*words)
    assert "no run" not in line and ("too large" in line or "out of range" in line or "32-bit" in line)


def test_a_step_that_cannot_fit_is_refused_before_anything_is_written(refused):
    line = refused("train", "--run-dir", "run", "--num-samples", "1000000", "--latent-size", "1000000")
    assert "1000000 particles of" in line and "of memory; expected at most the" in line and "TB" in line


def test_what_fits_is_not_refused(monkeypatch):
    memory.check("a gigabyte on a machine of two", 1e9 * (memory.available() > 2e9))
    with pytest.raises(
        UserError, match=r"x would need at least 2\.0 GB of memory; expected at most the 1\.0 MB avail"
    ):
        monkeypatch.setattr(memory, "available", lambda: 1e6)
        memory.check("x", 2e9)
    memory.check("x", 1e6)


def test_available_memory_reads_the_system(tmp_path, monkeypatch):
    told = tmp_path / "meminfo"
    real = memory.Path
    monkeypatch.setattr(
        memory, "Path", lambda name: told if name == "/proc/meminfo" else real(tmp_path / "no")
    )
    told.write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\nSwapFree:  1000 kB\n")
    assert memory.available() == 3000 * 1024
    told.write_text("garbage")
    assert memory.available() > 1e8
    limit = tmp_path / "limit"
    monkeypatch.setattr(memory, "_LIMITS", (limit,))
    monkeypatch.setattr(memory, "Path", real)
    limit.write_text("max\n")
    free = memory.available()
    limit.write_text("12345\n")
    assert memory.available() == 12345 < free


@pytest.fixture(scope="module")
def model():
    """A small model."""
    import tfvae
    from tfvae import distributions, networks

    model = tfvae.VAE(
        networks.MLP([4]),
        networks.MLP([4]),
        posterior=distributions.DiagonalNormal(2),
        likelihood=distributions.Bernoulli((3, 3, 1)),
    )
    model.build()
    return model


def test_python_has_the_same_ranges(model):
    from tfvae import distributions, evaluation, networks

    x = np.zeros((2, 3, 3, 1), np.float32)
    for call, told in (
        (lambda: model.sample(4294967300), "n is too large"),
        (lambda: model.sample(2**31 - 1), "2147483647 samples would need at least 94 GB of memory"),
        (lambda: model.log_weights(x, 2**32), "num_samples is too large"),
        (lambda: evaluation.log_marginal(model, x, 10**25), "num_samples is too large"),
        (lambda: evaluation.log_marginal(model, x, seed=2**32), "seed is not a 32-bit"),
        (lambda: evaluation.ais(model, x, num_chains=10**25), "num_chains is too large"),
        (lambda: evaluation.ais(model, x, num_temperatures=10**25), "num_temperatures is too large"),
        (lambda: evaluation.bdmc(model, 10**25), "num_examples is too large"),
        (lambda: evaluation.inference_gap(model, x, steps=10**25), "steps is too large"),
        (lambda: networks.MLP([10**10]), "units is too large"),
        (
            lambda: networks.MLP([2**31 - 1]).build((None, 10**4)),
            r"weights \[10000, 2147483647\] of .* 86 TB",
        ),
        (lambda: networks.LSTMStep(2**29).build((None, 4)), "of memory"),
        (lambda: networks.ConvEncoder([2**31 - 1]).build((None, 8, 8, 3)), "of memory"),
        (lambda: distributions.Bernoulli((10**6, 10**6)), "event_shape is too large"),
        (lambda: distributions.DiagonalNormal(10**10), "latent_size is too large"),
        (lambda: distributions.DiagonalNormal(2**31 - 1).build((None, 10**4)), "of memory"),
    ):
        with pytest.raises(UserError, match=told):
            call()


def test_chains_and_exported_particles_are_estimated_too(model, monkeypatch):
    from tfvae import evaluation
    from tfvae.export.signatures import signatures

    x = np.zeros((2, 3, 3, 1), np.float32)
    monkeypatch.setattr(memory, "available", lambda: 1e6)
    with pytest.raises(UserError, match=r"100000 chains of an example would need at least 4.* MB of memory"):
        evaluation.ais(model, x, num_chains=100_000)
    with pytest.raises(UserError, match="log_prob of 1000000 particles would need at least 36 MB of memory"):
        signatures(model, 10**6)
    with pytest.raises(UserError, match="50000 samples would need at least 2"):
        model.sample(50_000)


def test_many_samples_are_drawn_in_blocks(model, monkeypatch):
    from tfvae.models import sampling

    whole = np.asarray(model.sample(9, seed=3))
    monkeypatch.setattr(sampling, "SAMPLES_PER_BLOCK", 4)
    np.testing.assert_allclose(np.asarray(model.sample(9, seed=3)), whole, rtol=1e-6)


def test_a_figure_has_a_size(tmp_path):
    from tfvae import plotting

    wide = np.zeros((2, 8, 8, 1), np.float32)
    with pytest.raises(UserError, match=r"the figure is too large; .*draw fewer images"):
        plotting.save_image_grid(
            tmp_path / "a.png", np.broadcast_to(wide[:1], (10_000, 8, 8, 1)), title="t", columns=1
        )
    assert list(tmp_path.iterdir()) == []
