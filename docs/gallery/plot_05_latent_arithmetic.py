"""
Latent arithmetic: add the 0
============================

An attribute vector is the mean code of examples that have an attribute, minus the mean code of the others.
Added to the code of an example, it gives it the attribute.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

digits = load_digits()
x = (digits.images[..., np.newaxis] > 8).astype("float32")

keras.utils.set_random_seed(0)
model = tfvae.VAE(
    networks.MLP([128, 128], "tanh"),
    networks.MLP([128, 128], "tanh"),
    posterior=distributions.DiagonalNormal(8),
    likelihood=distributions.Bernoulli((8, 8, 1)),
)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x, epochs=60, batch_size=100, verbose=0)

zero = tfvae.latent.attribute_vector(model, x, digits.target == 0)
ones = x[digits.target == 1][:6]

strengths = [0.0, 0.5, 1.0, 1.5, 2.0]
rows = [np.asarray(tfvae.latent.edit(model, ones, zero, strength)) for strength in strengths]
figure, axes = plt.subplots(len(ones), len(strengths), figsize=(6, 7))
for i, line in enumerate(axes):
    for axis, images, strength in zip(line, rows, strengths, strict=True):
        axis.imshow(images[i, ..., 0], cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        if i == 0:
            axis.set_title(f"+ {strength:g} zero")
plt.show()

# %%
# The path from one digit to another, decoded.

start, end = (tfvae.latent.encode(model, x[digits.target == label][:1]) for label in (3, 8))
images = np.asarray(model.decode(tfvae.latent.path(start, end, steps=9)))[:, 0, ..., 0]
figure, axes = plt.subplots(1, 9, figsize=(9, 1.3))
for axis, image in zip(axes, images, strict=True):
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    axis.axis("off")
plt.show()
