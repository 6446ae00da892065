"""
A density without its integral
==============================

Noise-contrastive estimation learns a density up to its integral, and the integral with it. Here the energy of a
ring, against normal noise.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from tensorflow_probability import distributions as tfd

import tfvae
from tfvae import layers, networks
from tfvae.training import data

x = data.load("ring").train.images

keras.utils.set_random_seed(0)
model = tfvae.NoiseContrastive(
    keras.Sequential([networks.MLP([64, 64], "relu"), layers.Dense(1)]),
    tfd.MultivariateNormalDiag([0.0, 0.0], [1.0, 1.0]),
    ratio=10,
)
model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 45 * 60)))
model.fit(x, epochs=60, batch_size=100, verbose=0)

# %%
# The integral of the learned density over a grid is one if the learned log Z is right. Annealing from the noise
# estimates log Z without the data.

side = np.linspace(-2.0, 2.0, 161)
grid = np.stack(np.meshgrid(side, side), axis=-1).astype("float32")
density = np.exp(np.asarray(model.log_prob(grid.reshape(-1, 2)))).reshape(161, 161)
annealed = tfvae.evaluation.log_normalizer(model, num_temperatures=200)
print(f"integral of the learned density: {density.sum() * (side[1] - side[0]) ** 2:.3f}")
print(
    f"log Z: learned {model.log_normalizer:.3f}, "
    f"annealed {annealed.log_normalizer:.3f} +- {annealed.standard_error:.3f}"
)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.scatter(*x.T, s=2)
left.set(title="data", aspect="equal", xlim=(-2, 2), ylim=(-2, 2))
right.imshow(density, origin="lower", extent=(-2, 2, -2, 2), cmap="viridis")
right.set(title="learned density")
plt.show()
