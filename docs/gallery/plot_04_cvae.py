"""
A CVAE against a regressor
==========================

The left half of a digit is given. A regressor answers with the mean of all right halves that fit; a
conditional VAE samples them.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")
left, right = x[:, :, :4], x[:, :, 4:]
train, test = slice(0, 1500), slice(1500, None)

keras.utils.set_random_seed(0)
regressor = tfvae.Regressor(
    networks.MLP([128, 128], "relu"),
    condition_shape=(8, 4, 1),
    likelihood=distributions.Bernoulli((8, 4, 1)),
)
regressor.compile(keras.optimizers.Adam(1e-3))
regressor.fit(left[train], right[train], epochs=25, batch_size=100, verbose=0)

cvae = tfvae.CVAE(
    networks.MLP([128, 128], "relu"),
    networks.MLP([128, 128], "relu"),
    condition_shape=(8, 4, 1),
    condition_network=networks.MLP([64], "relu"),
    posterior=distributions.DiagonalNormal(8),
    prior=distributions.DiagonalNormal(8),
    likelihood=distributions.Bernoulli((8, 4, 1)),
)
cvae.compile(keras.optimizers.Adam(1e-3))
cvae.fit(left[train], right[train], epochs=40, batch_size=100, verbose=0)

# %%
# The log-likelihood of the hidden half, given the visible one.

for name, model in (("regressor", regressor), ("CVAE", cvae)):
    result = tfvae.evaluation.log_marginal(model, (left[test], right[test]), num_samples=500)
    print(f"{name}: {-result.nll:.2f} +- {result.nll_standard_error:.2f} nats")

# %%
# One row for each digit: what is given, the truth, the regressor's mean, and four samples of the CVAE.

chosen = [3, 8, 21, 40, 63]
columns = [x[1500:][chosen]]
given = left[test][chosen]
columns.append(np.concatenate([given, np.asarray(regressor.predict(given, verbose=0))], axis=2))
for seed in range(4):
    halves = np.asarray(cvae.sample(1, seed=seed, condition=given))[0]
    columns.append(np.concatenate([given, halves], axis=2))
titles = ["truth", "regressor", *["sample"] * 4]
figure, axes = plt.subplots(len(chosen), 6, figsize=(7.5, 6.2))
for i, row in enumerate(axes):
    for axis, images, title in zip(row, columns, titles, strict=True):
        axis.imshow(images[i, ..., 0], cmap="gray_r", vmin=0, vmax=1)
        axis.axvline(3.5, color="tab:red", linewidth=1)
        axis.set(xticks=[], yticks=[])
        if i == 0:
            axis.set_title(title)
plt.show()
