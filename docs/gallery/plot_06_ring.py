r"""
From a normal to a ring
=======================

Any distribution can be made of normal noise by a suitable function. z / 10 + z / \|z\| makes a ring of a
standard normal. A model learns such a function from points on the ring alone.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import tfvae
from tfvae import distributions, networks
from tfvae.training import data

x = data.load("ring").train.images

keras.utils.set_random_seed(0)
model = tfvae.IWAE(
    networks.MLP([64, 64], "tanh"),
    networks.MLP([64, 64], "tanh"),
    posterior=distributions.DiagonalNormal(2),
    likelihood=distributions.Normal((2,), scale="learned", initial_scale=0.3),
    num_samples=10,
    estimator="dreg",
)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(x, epochs=30, batch_size=100, verbose=0)

# %%
# Left: noise, coloured by its angle. Middle: where the decoder puts it. Right: samples, which add the
# likelihood's scale.

z = np.random.default_rng(0).normal(size=(3000, 2)).astype("float32")
angle = np.arctan2(z[:, 1], z[:, 0])
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.8))
left.scatter(*z.T, c=angle, cmap="twilight", s=4)
middle.scatter(*np.asarray(model.decode(z)).T, c=angle, cmap="twilight", s=4)
right.scatter(*np.asarray(model.sample(3000, seed=0, mean=False)).T, s=4)
for axis, title in ((left, "z"), (middle, "mean of p(x|z)"), (right, "samples")):
    axis.set(title=title, aspect="equal")
plt.show()
