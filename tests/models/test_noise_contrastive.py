"""Noise-contrastive and self-contrastive estimation against closed forms.

Written against these mutations: log nu left out; noise that counts once where it counts nu times; the learned log Z of
the wrong sign; draws that count alike where the noise is the model; J without its half.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close
from scipy import optimize, special, stats
from tensorflow_probability import distributions as tfd

from tfvae import VAE, NoiseContrastive, comparisons, random
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal, StandardNormal
from tfvae.evaluation import log_normalizer
from tfvae.networks import MLP

N = 4
MIXING = np.linalg.qr(np.random.default_rng(5).normal(size=(N, N)))[0] @ np.diag([0.6, 0.9, 1.3, 2.0])
UNMIXING = np.linalg.inv(MIXING)
LOG_Z = N / 2 * np.log(2) - np.linalg.slogdet(UNMIXING)[1]


@keras.saving.register_keras_serializable(package="tests")
class Laplace(keras.layers.Layer):
    """E(x) = sqrt(2) sum_i |b_i x|."""

    def build(self, shape):
        self.unmixing = self.add_weight(shape=(N, N), name="unmixing")

    def call(self, x):
        return np.sqrt(2.0) * tf.reduce_sum(tf.abs(tf.matmul(x, self.unmixing, transpose_b=True)), axis=-1)


@keras.saving.register_keras_serializable(package="tests")
class Gauss(keras.layers.Layer):
    """E(x) = (x - theta)^2 / 2 + offset."""

    def __init__(self, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def build(self, shape):
        self.theta = self.add_weight(shape=(1,), initializer="zeros", name="theta")

    def call(self, x):
        return 0.5 * tf.reduce_sum((x - self.theta) ** 2, axis=-1) + self.offset

    def get_config(self):
        return super().get_config() | {"offset": self.offset}


def sources(count, seed):
    return (np.random.default_rng(seed).laplace(size=(count, N)) / np.sqrt(2) @ MIXING.T).astype(np.float32)


SPREAD = np.sqrt(10.0)  # of the estimated log Z, times sqrt(T), for nu = 3


def covariance_root(x):
    return np.linalg.cholesky(np.cov(x, rowvar=False)).astype(np.float32)


def ica(x, ratio=3, steps=300):
    """A model of sources that starts near the truth, and the noise with the data's covariance."""
    noise = tfd.MultivariateNormalTriL(tf.zeros(N), covariance_root(x))
    model = NoiseContrastive(Laplace(), noise, ratio=ratio)
    model.energy.unmixing.assign(UNMIXING + 0.05)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.06, steps)))
    return model


def minimised(count, seed, ratio=3):
    """The parameters [N N + 1] at which the comparison of `count` examples with fixed noise is least, by L-BFGS."""
    x = sources(count, seed).astype(np.float64)
    root = covariance_root(x).astype(np.float64)
    y = np.random.default_rng([seed, 1]).normal(size=(ratio * count, N)) @ root.T
    noise = stats.multivariate_normal(np.zeros(N), root @ root.T)
    compare = comparisons.get({"name": "noise-contrastive", "ratio": ratio})
    sets = [(v, noise.logpdf(v)) for v in (x, y)]

    def cost(parameters):
        unmixing, log_z = parameters[:-1].reshape(N, N), parameters[-1]
        activities = [v @ unmixing.T for v, _ in sets]
        differences = [
            -np.sqrt(2.0) * np.abs(s).sum(axis=1) - log_z - log_noise
            for s, (_, log_noise) in zip(activities, sets, strict=True)
        ]
        value, slope = 0.0, np.zeros(N * N + 1)
        for each, s, (v, _) in zip(compare(*map(tf.constant, differences)), activities, sets, strict=True):
            weight = each.weight.numpy() / len(v)
            value += float(tf.reduce_mean(each.value))
            slope[:-1] -= np.sqrt(2.0) * ((weight[:, None] * np.sign(s)).T @ v).ravel()
            slope[-1] -= weight.sum()
        return value, slope

    start = np.append(UNMIXING + 0.05, 0.0)
    return optimize.minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def squared_errors(count, replicates):
    return np.array([(minimised(count, 100 + seed)[-1] - LOG_Z) ** 2 for seed in range(replicates)])


def test_a_step_goes_down_the_slope_of_the_cost():
    """J and its gradient in NumPy, from the noise of the step."""
    theta, log_z, ratio = 0.4, 0.7, 3
    noise = tfd.MultivariateNormalDiag([0.5], [1.5])
    model = NoiseContrastive(Gauss(), noise, ratio=ratio)
    model.energy.theta.assign([theta])
    model.log_z.assign(log_z)
    model.compile(keras.optimizers.SGD(1.0))
    x = np.random.default_rng(0).normal(size=(7, 1)).astype(np.float32)
    y = noise.sample([ratio, 7], seed=random.fold(0, "train", 0)).numpy()

    def cost(parameters):
        gap = [
            -0.5 * (v[..., 0] - parameters[0]) ** 2
            - parameters[1]
            - noise.log_prob(v).numpy()
            - np.log(ratio)
            for v in (x, y)
        ]
        return np.logaddexp(0, -gap[0]).mean() + ratio * np.logaddexp(0, gap[1]).mean()

    expected = optimize.approx_fprime([theta, log_z], cost, 1e-4)
    loss = model.train_on_batch(x, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, cost([theta, log_z]), rtol=1e-5)
    found = [theta - float(model.energy.theta[0]), log_z - model.log_normalizer]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)


def test_the_mixing_of_four_sources_and_its_normaliser_are_found():
    """By `fit`, with noise that is new at every step, and by L-BFGS from fixed noise."""
    count = 1000
    model = ica(sources(count, 0))
    model.fit(sources(count, 0), batch_size=count, epochs=300, verbose=0)
    learned = np.append(model.energy.unmixing.numpy(), model.log_normalizer)
    for parameters in (learned, minimised(count, 0)):
        assert abs(parameters[-1] - LOG_Z) < 5 * SPREAD / np.sqrt(count) < np.log(3)
        np.testing.assert_allclose(parameters[:-1].reshape(N, N) @ MIXING, np.eye(N), atol=0.2)
    x = sources(9, 1)
    exact = np.sum(-np.sqrt(2) * np.abs(x @ learned[:-1].reshape(N, N).T), axis=1) - learned[-1]
    np.testing.assert_allclose(model.log_prob(x), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("counts", "replicates"),
    [((250, 2000), 30), pytest.param((500, 16_000), 60, marks=pytest.mark.nightly)],
)
def test_the_squared_error_falls_as_one_over_the_examples(counts, replicates):
    """A mean of R squares of normal variables has the relative standard error sqrt(2 / R)."""
    few, many = (np.log(squared_errors(count, replicates).mean()) for count in counts)
    expected = np.log(counts[1] / counts[0])
    error = np.sqrt(4.0 / replicates)
    assert abs(few - many - expected) < 5 * error < expected
    assert abs(few + np.log(counts[0]) - 2 * np.log(SPREAD)) < 5 * np.sqrt(2.0 / replicates)


@pytest.mark.parametrize("offset", [0.0, 0.5 * np.log(2 * np.pi)], ids=["unnormalised", "normalised"])
@pytest.mark.parametrize(("loc", "scale", "replicates"), [(0.3, 1.0, 60), (0.0, 1.6, 120)])
def test_against_itself_it_climbs_half_the_likelihood(offset, loc, scale, replicates):
    """The gradient for theta is (theta - mean x) / 2, whatever the normaliser."""
    theta, ratio = 0.3, 40
    noise = tfd.MultivariateNormalDiag([loc], [scale])
    model = NoiseContrastive(Gauss(float(offset)), noise, self_contrastive=True, ratio=ratio)
    model.compile(keras.optimizers.SGD(1.0))
    x = np.random.default_rng(1).normal(1.0, 1.0, size=(50, 1)).astype(np.float32)
    steps = []
    for _ in range(replicates):
        model.energy.theta.assign([theta])
        model.train_on_batch(x)
        steps.append(theta - float(model.energy.theta[0]))
    assert_mean_close(np.array(steps), 0.5 * (theta - x.mean()), smallest_bug=0.05)
    assert abs(model.log_normalizer - (0.5 * np.log(2 * np.pi) - offset)) < 0.02


def test_a_loaded_model_goes_on_bit_for_bit(tmp_path):
    keras.utils.set_random_seed(0)
    noises = [
        tfd.MixtureSameFamily(
            tfd.Categorical(probs=[0.3, 0.7]),
            tfd.MultivariateNormalDiag([[0.0] * N, [1.0] * N], [[1.0] * N] * 2),
        ),
        StandardNormal(N),
    ]
    x = sources(20, 3)
    for itself, noise in enumerate(noises):
        model = NoiseContrastive(MLP([5, 1], "tanh"), noise, self_contrastive=bool(itself), ratio=2)
        model.compile(keras.optimizers.Adam(0.01))
        model.fit(x, batch_size=10, epochs=1, verbose=0)
        model.save(tmp_path / "model.keras")
        copy = keras.saving.load_model(tmp_path / "model.keras")
        for either in (model, copy):
            either.fit(x, batch_size=8, epochs=2, verbose=0, shuffle=False)
        np.testing.assert_array_equal(copy.log_prob(x), model.log_prob(x))
        assert copy.log_normalizer == model.log_normalizer != 0


def test_annealing_finds_the_normaliser_of_the_energy():
    """Of Laplace sources, whatever the model learned; and the error is honest."""
    model = ica(sources(500, 2))
    model.energy.unmixing.assign(UNMIXING)
    results = [log_normalizer(model, 40, 40, seed=seed) for seed in range(3)]
    for result in results:
        assert abs(result.log_normalizer - LOG_Z) < 5 * result.standard_error < 0.5
        assert 0.3 < result.acceptance < 0.95
    importance = log_normalizer(model, 1, 2000)
    draws = distribution_ratio(model, 2000)
    np.testing.assert_allclose(importance.log_normalizer, special.logsumexp(draws) - np.log(2000), atol=0.3)


def distribution_ratio(model, count):
    x = model.noise.sample(count, seed=(1, 2))
    return model.unnormalized(x).numpy() - model.noise.log_prob(x).numpy()


def vae():
    likelihood = Normal(2)
    return VAE(MLP([3]), MLP([3]), posterior=DiagonalNormal(2), likelihood=likelihood)


class Silent(tfd.Normal):
    def _log_prob(self, x):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"noise": vae}, "a bound is no density of noise.*received a VAE, which bounds"),
        ({"noise": lambda: MLP([2])}, "the noise has no density that is known.*received a MLP"),
        ({"noise": lambda: Silent(0.0, 1.0)}, "the noise has no density that is known"),
        ({"noise": lambda: tfd.Normal(0.0, 1.0)}, r"not one distribution over arrays.*event shape \[\]"),
        ({"noise": lambda: tfd.Normal([0.0], [1.0])}, r"not one distribution over arrays.*batch shape \[1\]"),
        ({"ratio": 0}, "ratio is not a positive integer"),
        ({"energy": keras.layers.Dense(2)}, r"not one number for each example.*received shape \[B, 2\]"),
        ({"energy": "dense"}, "energy is of the wrong kind"),
    ],
)
def test_bad_arguments_are_one_line(options, says):
    arguments = {
        "energy": keras.layers.Dense(1),
        "noise": lambda: tfd.MultivariateNormalDiag([0.0, 1.0]),
    } | options
    arguments["noise"] = arguments["noise"]()
    with pytest.raises(UserError, match=says) as caught:
        NoiseContrastive(**arguments)
    assert "\n" not in str(caught.value)


def test_what_has_no_normaliser_is_refused():
    with pytest.raises(UserError, match=r"only an unnormalised density.*received VAE"):
        log_normalizer(vae())
