"""
Three costs of a generator
==========================

The discriminator answers a sample with a logit a. The three costs of an adversarial game differ in how much they
let a sample move for it, and so in what happens when the discriminator wins.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import tfvae
from tfvae import comparisons, distributions, layers, networks

NAMES = ("minimax", "non-saturating", "maximum-likelihood")

# %%
# On the left the costs, on the right the size of their slopes. Far to the left, where the discriminator is sure
# that a sample is not real, minimax has no slope left: it saturates. Maximum likelihood has none there either,
# and a huge one for the few samples that pass for real.

a = tf.linspace(-6.0, 3.0, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
for name in NAMES:
    cost = comparisons.get(name).generator(a)
    left.plot(a, cost.value, label=name)
    right.semilogy(a, np.abs(cost.weight), label=name)
left.set(xlabel="a, logit of D(g(z))", ylabel="J(G)", ylim=(-6, 4))
right.set(xlabel="a, logit of D(g(z))", ylabel="|dJ(G)/da|")
left.legend()
plt.tight_layout()
plt.show()

# %%
# Each cost trains a generator on eight heaps in the plane. The log-likelihood is exact here, up to the grid: the
# mean over z of N(x; g(z), s^2 I), for the scale s that suits the model best on held-out points.

rng = np.random.default_rng(0)
angles = 2 * np.pi * np.arange(8) / 8
centers = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
x = (centers[rng.integers(8, size=6000)] + 0.08 * rng.normal(size=(6000, 2))).astype("float32")
train, held_out = x[:5000], x[5000:]
z = np.stack(np.meshgrid(*[np.linspace(-3.5, 3.5, 120)] * 2), axis=-1).reshape(-1, 2).astype("float32")
log_prior = -0.5 * (z**2).sum(axis=1)
log_prior -= np.log(np.exp(log_prior).sum())


def log_likelihood(model, scale):
    squared = ((held_out[:, None] - np.asarray(model.decode(z))[None]) ** 2).sum(axis=2)
    terms = log_prior - 0.5 * squared / scale**2 - np.log(2 * np.pi * scale**2)
    most = terms.max(axis=1, keepdims=True)
    return (most[:, 0] + np.log(np.exp(terms - most).sum(axis=1))).mean()


figure, axes = plt.subplots(1, 3, figsize=(12, 4))
for axis, name in zip(axes, NAMES, strict=True):
    keras.utils.set_random_seed(1)
    model = tfvae.GAN(
        keras.Sequential([networks.MLP([64, 64]), layers.Dense(2)]),
        keras.Sequential([networks.MLP([64, 64]), layers.Dense(1)]),
        prior=distributions.StandardNormal(2),
        cost=name,
    )
    model.compile(
        keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
    )
    history = model.fit(train, epochs=40, batch_size=100, verbose=0).history
    drawn = np.asarray(model.sample(2000, seed=0))
    distances = np.linalg.norm(drawn[:, None] - centers[None], axis=2)
    near = np.bincount(distances.argmin(axis=1)[distances.min(axis=1) < 0.3], minlength=8)
    best = max(log_likelihood(model, scale) for scale in np.geomspace(0.05, 1.0, 12))
    axis.scatter(*held_out.T, s=4, label="data")
    axis.scatter(*drawn.T, s=4, label="samples")
    axis.set(title=f"{name}\n{np.sum(near > 20)} of 8 heaps, {best:.2f} nats", xlim=(-3, 3), ylim=(-3, 3))
    print(f"{name}: gradient at the generator's output {history['output_gradient'][-1]:.3f}")
axes[0].legend()
plt.show()
