"""
DRAW: an image in steps
=======================

A recurrent decoder adds to a canvas, step by step. Each step has latents of its own.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")

keras.utils.set_random_seed(0)
model = tfvae.DRAW(
    likelihood=distributions.Bernoulli((8, 8, 1), linear=False),
    steps=6,
    step_latent_size=4,
    units=48,
)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(x, epochs=25, batch_size=100, verbose=0)

z = np.random.default_rng(1).normal(size=(6, model.latent_size)).astype("float32")
images, _ = model.canvases(z)
figure, axes = plt.subplots(6, 6, figsize=(6, 6))
for row, steps in zip(axes, np.asarray(images), strict=True):
    for axis, image in zip(row, steps, strict=True):
        axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
for t, axis in enumerate(axes[0], start=1):
    axis.set_title(f"step {t}")
plt.show()
