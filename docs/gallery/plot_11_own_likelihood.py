"""
A likelihood of your own: counts
================================

A likelihood is a Keras layer from features to parameters, with the density and the sampling of a
distribution. Here a Poisson head for counts, in one file.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import tfvae
from tfvae import distributions, layers, networks


@keras.saving.register_keras_serializable(package="mine")
class Poisson(distributions.LikelihoodHead):
    """Independent counts, their log-rates linear in the features."""

    support = (0.0, np.inf)
    noise_kind = "uniform"

    def __init__(self, event_shape, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.log_rate = layers.Dense(int(np.prod(self.event_shape)))

    def call(self, features):
        return (tf.reshape(self.log_rate(features), [-1, *self.event_shape]),)

    def initialize_bias(self, mean):
        self.log_rate.bias.assign(np.log(np.maximum(mean, 1e-3)).ravel())

    def distribution(self, parameters):
        return tfd.Independent(tfd.Poisson(log_rate=parameters[0]), len(self.event_shape))

    def log_prob(self, parameters, value):
        return self.distribution(parameters).log_prob(value)

    def mean(self, parameters):
        return tf.exp(parameters[0])

    def sample(self, parameters, noise):
        """Inverts the distribution function: the least k with P(count <= k) > noise, up to 50."""
        counts = tf.reshape(tf.range(50.0), [-1] + [1] * len(self.shape_noise(noise).shape))
        below = tfd.Poisson(log_rate=parameters[0]).cdf(counts)
        return tf.reduce_sum(tf.cast(self.shape_noise(noise) >= below, tf.float32), axis=0)

    def get_config(self):
        return super().get_config() | {"event_shape": self.event_shape}


# %%
# Counts of 12 events, driven by two hidden causes.

rng = np.random.default_rng(0)
causes, loads = rng.normal(size=(3000, 2)), rng.normal(size=(2, 12)) * 0.6
x = rng.poisson(np.exp(causes @ loads + 0.5)).astype("float32").clip(0, 40)

keras.utils.set_random_seed(0)
model = tfvae.IWAE(
    networks.MLP([64], "tanh"),
    networks.MLP([64], "tanh"),
    posterior=distributions.DiagonalNormal(2),
    likelihood=Poisson((12,)),
    num_samples=5,
    estimator="dreg",
)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(x[:2500], epochs=40, batch_size=100, verbose=0)

# %%
# Independent Poisson columns are the model to beat.

result = tfvae.evaluation.log_marginal(model, x[2500:], num_samples=1000)
alone = tfd.Poisson(rate=x[:2500].mean(axis=0)).log_prob(x[2500:]).numpy().sum(axis=1)
print(
    f"model: {-result.nll:.2f} +- {result.nll_standard_error:.2f} nats; independent columns: {alone.mean():.2f}"
)

sampled = np.asarray(model.sample(2000, seed=0, mean=False))
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6))
for axis, values, title in ((left, x, "data"), (right, sampled, "samples")):
    axis.imshow(np.corrcoef(values.T), cmap="coolwarm", vmin=-1, vmax=1)
    axis.set(title=f"correlations, {title}")
plt.show()
