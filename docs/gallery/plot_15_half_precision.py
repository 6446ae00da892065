"""
Half precision, and several devices
===================================

`keras.config.set_dtype_policy` works as in Keras. Log-densities stay in float32, since a sum over pixels in
half precision would lose what is to be compared.
"""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")


def trained():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=distributions.DiagonalNormal(8),
        likelihood=distributions.Bernoulli((8, 8, 1)),
    )
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(x[:1500], epochs=10, batch_size=100, shuffle=False, verbose=0)
    return tfvae.evaluation.log_marginal(model, x[1500:], num_samples=500)


whole = trained()
keras.config.set_dtype_policy("mixed_bfloat16")
half = trained()
keras.config.set_dtype_policy("float32")
gain = half.log_prob - whole.log_prob
print(f"float32 {-whole.nll:.3f} nats, bfloat16 {-half.nll:.3f} nats")
print(f"difference of the same digits: {gain.mean():.3f} +- {gain.std() / len(gain) ** 0.5:.3f}")

# %%
# Several devices
# ---------------
# A model that is made in the scope of a strategy shares each batch over its devices. Noise belongs to the row
# of the whole batch: two replicas draw what one would, and end with the same weights up to rounding. On a
# machine with GPUs `tf.distribute.MirroredStrategy()` takes all of them; from the command line it is
# `--strategy mirrored`.

with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
    shared = trained()
print(f"largest difference of log p(x): {np.abs(shared.log_prob - whole.log_prob).max():.1e} nats")
