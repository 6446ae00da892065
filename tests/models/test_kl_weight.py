"""A weight of the KL divergence (beta-VAE) changes the objective and its gradients, and no number that is reported.

log w_k = log p(x|z_k) + b (log p(z_k) - log q(z_k|x))
"""

import functools
import json
import zipfile

import keras
import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian
from kit.stats import assert_mean_close
from scipy import special

import tfvae
from tfvae import estimators, presets
from tfvae.checks import UserError
from tfvae.training.config import Config

COPIES, STEPS, K = 500, 200, 4
RNG = np.random.default_rng(7)
ORACLE = LinearGaussian(W=RNG.normal(size=(3, 2)), b=RNG.normal(size=3), s=0.7)
X = RNG.normal(size=(2, 3))
A, C, S = 0.5 * RNG.normal(size=(2, 3)), 0.3 * RNG.normal(size=2), np.array([0.4, 0.8])
LOC = X @ A.T + C
REFUSED = [row.name for row in estimators.TABLE if not row.weighs_kl]


def build(**options):
    return linear_gaussian_model.build(ORACLE, A, C, S, seed=3, **{"num_samples": K} | options)


def exact(weight):
    """The weighted bound, mean over the examples, and its gradients, in closed form."""
    minus_kl = 0.5 * (S.size - np.sum(LOC**2, axis=1) - np.sum(S**2)) + np.sum(np.log(S))
    slopes = {"A": -LOC.T @ X / len(X), "c": -LOC.mean(axis=0), "log_diag_S": 1 - S**2}
    gradients = ORACLE.elbo_gradients(X, A, C, S)
    gradients |= {name: gradients[name] + (weight - 1) * slope for name, slope in slopes.items()}
    return np.mean(ORACLE.elbo(X, A, C, S) + (weight - 1) * minus_kl), gradients


@functools.cache
def brute_force(weight, count=400_000):
    """The weighted bound of K particles and its gradients, each replicate through the noise: mean, standard error."""
    noise = np.random.default_rng(1).standard_normal((count, K, *LOC.shape))
    z = LOC + S * noise
    error = (X - z @ ORACLE.W.T - ORACLE.b) / ORACLE.s
    log_likelihood = -0.5 * np.sum(error**2, axis=-1) - 3 * np.log(ORACLE.s * np.sqrt(2 * np.pi))
    log_ratio = 0.5 * np.sum(noise**2 - z**2, axis=-1) + np.sum(np.log(S))
    log_weights = log_likelihood + weight * log_ratio
    share = special.softmax(log_weights, axis=1)[..., np.newaxis]
    slope = error @ ORACLE.W / ORACLE.s - weight * z
    draws = {
        "bound": (special.logsumexp(log_weights, axis=1) - np.log(K)).mean(axis=1),
        "b": np.sum(share * error / ORACLE.s, axis=1).mean(axis=1),
        "c": np.sum(share * slope, axis=1).mean(axis=1),
        "log_diag_S": np.sum(share * (slope * S * noise + weight), axis=1).mean(axis=1),
    }
    return {name: (draw.mean(axis=0), draw.std(axis=0) / np.sqrt(count)) for name, draw in draws.items()}


@pytest.mark.parametrize("weight", [0.0, 0.5, 4.0])
@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "stl"])
def test_the_bound_and_its_gradients_are_the_closed_form(estimator, weight):
    model = build(estimator=estimator, kl_weight=weight)
    samples, metrics = linear_gaussian_model.sample(model, np.tile(X, (COPIES, 1)), STEPS)
    bound, gradients = exact(weight)
    assert_mean_close(-metrics["loss"], bound, name="loss", smallest_bug=0.05)
    assert_mean_close(metrics["bound"], exact(1.0)[0], name="bound", smallest_bug=0.05)
    for name, gradient in gradients.items():
        assert_mean_close(samples[name], gradient, name=f"{estimator} {name}", smallest_bug=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"backward_particles": 3}])
@pytest.mark.parametrize("estimator", ["iwae", "dreg"])
def test_the_importance_weighted_bound_and_its_gradients_are_those_of_the_weighted_log_weights(
    estimator, options
):
    model = build(estimator=estimator, kl_weight=2.0, **options)
    samples, metrics = linear_gaussian_model.sample(model, np.tile(X, (COPIES, 1)), STEPS)
    samples["bound"], plain = -metrics["loss"], brute_force(1.0, 100_000)
    told = 0.0
    for name, (mean, error) in brute_force(2.0).items():
        values = samples[name]
        spread = np.hypot(values.std(axis=0, ddof=1) / np.sqrt(STEPS), error)
        assert np.abs((values.mean(axis=0) - mean) / spread).max() < 5, f"{estimator} {name}"
        told = max(told, np.abs((plain[name][0] - mean) / spread).max())
    assert told > 20, "or weight 2 could not be told from weight 1"


def test_it_multiplies_with_the_warm_up():
    model = build(kl_weight=4.0, kl_warmup_steps=8)
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    for step, weight in ((0, 0.0), (2, 1.0), (8, 4.0), (100, 4.0)):
        model.optimizer.iterations.assign(step)
        assert float(model.current_kl_weight()) == pytest.approx(weight)


@pytest.mark.parametrize("cycles", [1, 4])
def test_cycles_are_those_of_fu_et_al(cycles):
    """beta_t = f(mod(t, T / M) / (T / M)), f(tau) = min(tau / R, 1) with R = 1/2; from update T on it is 1."""
    model = build(kl_weight=2.0, kl_warmup_steps=5, kl_cycles=cycles)
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    for step in range(50):
        model.optimizer.iterations.assign(step)
        weight = min(step % 10 / 10 / 0.5, 1.0) if step < 10 * cycles else 1.0
        assert float(model.current_kl_weight()) == pytest.approx(2.0 * weight), step
    assert type(model).from_config(model.get_config()).kl_cycles == cycles


def test_a_run_has_cycles_of_its_epochs():
    config = Config.resolve({"kl_cycles": 4, "epochs": 80})
    assert config.kl_warmup == 10 and Config.resolve({"kl_cycles": 4, "kl_warmup": 3}).kl_warmup == 3
    assert Config.resolve({}).kl_cycles == 1 and Config.resolve({"preset": "gan"}).kl_cycles is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build(kl_cycles=2), "expected kl_warmup_steps >= 1"),
        (lambda: build(kl_cycles=0, kl_warmup_steps=3), "kl_cycles is not"),
        (lambda: Config.resolve({"kl_cycles": 2, "kl_warmup": 0}), "cycles of the KL weight need epochs"),
        (lambda: Config.resolve({"kl_cycles": 0}), "kl.cycles"),
        (lambda: Config.resolve({"preset": "regressor-column", "kl_cycles": 2}), "has no latent variables"),
    ],
)
def test_cycles_without_growth_are_refused(make, message):
    with pytest.raises(UserError, match=message) as told:
        make()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic", "dreg"])
def test_evaluation_reports_the_plain_bound(estimator):
    found = []
    for weight in (1.0, 4.0):
        model = build(estimator=estimator, kl_weight=weight)
        model.compile("sgd")
        x = X.astype(np.float32)
        marginal = tfvae.evaluation.log_marginal(model, x, num_samples=50, seed=1)
        rate = tfvae.evaluation.rate_distortion(model, x, num_samples=5, seed=1)
        metrics = model.evaluate(x, verbose=0, return_dict=True)
        bounds = [bound(x, 3, seed=2).numpy() for bound in (model.elbo, model.iwelbo)]
        numbers = metrics | {"nll": marginal.nll, "rate": rate.rate, "distortion": rate.distortion}
        found.append((numbers, bounds))
    (metrics, bounds), (weighted, weighted_bounds) = found
    assert metrics["loss"] == pytest.approx(-metrics["bound"])
    assert weighted == metrics
    np.testing.assert_array_equal(weighted_bounds, bounds)


# ---- where it is kept, and refused


def test_a_keras_file_keeps_it_and_one_without_it_has_weight_one(tmp_path):
    model = presets.create("digits", latent_size=2, kl_weight=4.0)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").kl_weight == 4.0
    former = tmp_path / "former.keras"
    with zipfile.ZipFile(tmp_path / "model.keras") as whole, zipfile.ZipFile(former, "w") as less:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                config = json.loads(content)
                assert config["config"].pop("kl_weight") == 4.0
                content = json.dumps(config).encode()
            less.writestr(name, content)
    assert keras.saving.load_model(former).kl_weight == 1.0


def test_config_json_without_it_means_one():
    content = Config.resolve({"kl_weight": 4.0}).to_json()
    assert Config.from_json(content).kl_weight == content.pop("kl_weight") == 4.0
    assert Config.from_json(content).kl_weight == 1.0


def test_the_wake_phase_and_score_functions_have_no_weighted_bound():
    assert REFUSED == ["rws", "rws-dreg", "reinforce", "nvil", "vimco"]


@pytest.mark.parametrize("name", REFUSED)
def test_where_it_has_no_meaning_it_is_refused_in_one_line(name):
    preset = "sbn-200-200-200" if estimators.row(name).latents == "discrete" else "digits"
    given = {"estimator": name, "num_samples": 3, "kl_weight": 4.0}
    for make in (lambda: presets.create(preset, **given), lambda: Config.resolve({"preset": preset} | given)):
        with pytest.raises(UserError, match=f"{name} has no bound with a weighted KL") as error:
            make()
        assert "\n" not in str(error.value) and "received 4.0" in str(error.value)
    presets.create(preset, **given | {"kl_weight": 1.0})


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "4"])
def test_a_bad_weight_is_refused(value):
    with pytest.raises(UserError, match="kl_weight is"):
        build(kl_weight=value)


def test_a_model_without_latents_has_no_kl_weight():
    with pytest.raises(UserError, match="no latent variables; expected no --kl-weight; received 2"):
        Config.resolve({"preset": "regressor-column", "kl_weight": 2.0})
