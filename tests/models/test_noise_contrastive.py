"""Noise-contrastive and self-contrastive estimation against closed forms.

Written against these mutations: log nu left out; noise that counts once where it counts nu times; the learned log Z of
the wrong sign; draws that count alike where the noise is the model; J without its half.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close
from scipy import optimize, special
from tensorflow_probability import distributions as tfd

from tfvae import VAE, NoiseContrastive, random
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


def ica(x, ratio=3, rate=0.1):
    """A model of sources that starts near the truth, and the noise with the data's covariance."""
    scale = np.linalg.cholesky(np.cov(x, rowvar=False)).astype(np.float32)
    model = NoiseContrastive(Laplace(), tfd.MultivariateNormalTriL(tf.zeros(N), scale), ratio=ratio)
    model.energy.unmixing.assign(UNMIXING + 0.05)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, 150)))
    return model


def fitted(count, seed, steps=150):
    x = sources(count, seed)
    model = ica(x)
    model.fit(x, batch_size=count, epochs=steps, verbose=0)
    return model


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
    model = fitted(2000, 0)
    assert abs(model.log_normalizer - LOG_Z) < 0.15
    rows = model.energy.unmixing.numpy() @ MIXING
    np.testing.assert_allclose(rows, np.eye(N), atol=0.1)
    exact = np.sum(-np.sqrt(2) * np.abs(sources(9, 1) @ UNMIXING.T), axis=1) - LOG_Z
    np.testing.assert_allclose(model.log_prob(sources(9, 1)), exact, atol=0.8)


def squared_error(count, seed, steps=300):
    """Of log Z, where gradient descent starts from the truth, so that it needs few steps to the estimate."""
    x = sources(count, seed)
    model = ica(x, rate=0.03)
    model.energy.unmixing.assign(UNMIXING)
    model.log_z.assign(LOG_Z)
    model.fit(x, batch_size=count, epochs=steps, verbose=0)
    return (model.log_normalizer - LOG_Z) ** 2


@pytest.mark.nightly
def test_the_squared_error_falls_with_the_examples():
    """Eightfold examples leave clearly less of it. The rate 1 / T would need a sharper optimiser than Adam."""
    few, many = (np.mean([squared_error(count, 100 + seed) for seed in range(8)]) for count in (500, 4000))
    assert many / few < 0.7


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
