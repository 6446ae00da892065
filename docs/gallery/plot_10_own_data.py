"""
Your own data: arrays, .npz files and tables
============================================

A model takes arrays of images [N, H, W, C] or of vectors [N, D]. The command line takes a file.
"""

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_wine

import tfvae
from tfvae import distributions, networks
from tfvae.training import data

folder = Path(tempfile.mkdtemp())

# %%
# A file of images
# ----------------
# `x_train` and `x_test`, and labels where there are some. `data.load` is what `tfvae train --dataset
# FILE.npz` calls.

digits = load_digits()
images = (digits.images[..., np.newaxis] / 16.0).astype("float32")
np.savez(
    folder / "mine.npz",
    x_train=images[:1500],
    x_test=images[1500:],
    y_train=digits.target[:1500],
    y_test=digits.target[1500:],
)
loaded = data.load(str(folder / "mine.npz"))
print({name: len(getattr(loaded, name)) for name in ("train", "validation", "test")})

# %%
# A table
# -------
# Thirteen measurements of 178 wines. Columns of different units are standardised, by the training rows alone.
# The same works for `frame.to_numpy()` of a pandas table.

table = load_wine()
order = np.random.default_rng(0).permutation(len(table.data))
train, test = np.split(table.data[order].astype("float32"), [140])
loc, scale = train.mean(axis=0), train.std(axis=0)
train, test = (train - loc) / scale, (test - loc) / scale

keras.utils.set_random_seed(0)
model = tfvae.VAE(
    networks.MLP([32], "tanh"),
    networks.MLP([32], "tanh"),
    posterior=distributions.DiagonalNormal(3),
    likelihood=distributions.Normal((13,), scale="learned"),
)
model.compile(keras.optimizers.Adam(5e-3))
model.fit(train, epochs=40, batch_size=20, verbose=0)
result = tfvae.evaluation.log_marginal(model, test, num_samples=1000)
alone = -0.5 * (test**2 + np.log(2 * np.pi)).sum(axis=1)
gain = result.log_prob - alone
print(f"{-result.nll:.2f} +- {result.nll_standard_error:.2f} nats for each standardised row")
print(f"{gain.mean():.2f} +- {gain.std() / len(gain) ** 0.5:.2f} nats more than independent normal columns")

# %%
# Data beside samples, in the units of the table. To compare log-likelihoods in those units, subtract
# `log(scale).sum()`.

sampled = np.asarray(model.sample(500, seed=0, mean=False)) * scale + loc
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4))
for axis, (i, j) in zip(axes, ((0, 9), (6, 12), (0, 12)), strict=True):
    axis.scatter(sampled[:, i], sampled[:, j], s=5, alpha=0.5, label="samples")
    axis.scatter(table.data[:, i], table.data[:, j], s=8, label="data")
    axis.set(xlabel=table.feature_names[i], ylabel=table.feature_names[j])
axes[0].legend()
plt.tight_layout()
plt.show()
