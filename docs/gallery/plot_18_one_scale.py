"""
One likelihood scale: VAE, GAN and moment matching
==================================================

A generator has no likelihood, but one can be put around it: x is g(z) plus normal noise of scale s. Annealed
importance sampling estimates log p(x) of that model, whatever trained it. Here three models with one decoder, on
8x8 digits with grey values, made continuous by noise within a grey level.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, layers, networks

rng = np.random.default_rng(0)
grey = load_digits().images.reshape(-1, 64)
x = ((grey + rng.random(grey.shape)) / 17.0).astype("float32")
train, held_out, test = x[:1400], x[1400:1500], x[1500:1540]


def decoder():
    return keras.Sequential([networks.MLP([64, 256], "tanh"), layers.Dense(64, activation="sigmoid")])


keras.utils.set_random_seed(0)
vae = tfvae.VAE(
    networks.MLP([256, 64], "tanh"),
    decoder(),
    posterior=distributions.DiagonalNormal(10),
    likelihood=distributions.Normal((64,), scale="learned", linear=False, initial_scale=0.3),
)
vae.compile(keras.optimizers.Adam(2e-3))
vae.fit(train, epochs=100, batch_size=100, verbose=0)

gan = tfvae.GAN(
    decoder(),
    keras.Sequential([networks.MLP([256, 128]), layers.Dense(1)]),
    prior=distributions.StandardNormal(10),
)
gan.compile(
    keras.optimizers.Adam(5e-4, beta_1=0.5), discriminator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5)
)
gan.fit(train, epochs=100, batch_size=100, verbose=0)

gmmn = tfvae.GMMN(decoder(), prior=distributions.Uniform(10), bandwidths=(0.5, 1, 2, 5, 10))
gmmn.compile(keras.optimizers.Adam(2e-3))
gmmn.fit(train, epochs=150, batch_size=350, verbose=0)

# %%
# The scale of the two generators is chosen on held-out digits. The ceiling is the log-density of a model that
# makes every digit exactly: a smaller scale allows more, and forgives less.

rows = []
for name, model in (("VAE", vae), ("GAN", gan), ("GMMN", gmmn)):
    if name == "VAE":
        scale = model.likelihood_head.own_metrics()["scale"]
    else:
        scale = tfvae.evaluation.fit_observation_scale(model, held_out, num_temperatures=200, limit=50)
    annealed = tfvae.evaluation.ais(model, test, num_temperatures=200)
    density = tfvae.evaluation.kernel_density(model, test, num_samples=10_000)
    ceiling = -32 * np.log(2 * np.pi * scale**2)
    rows.append((name, annealed.log_prob.mean(), density.log_prob.mean(), ceiling))
    print(
        f"{name}: scale {scale:.3f}, annealed {-annealed.nll:.1f} +- {annealed.nll_standard_error:.1f}, "
        f"kernel density {-density.nll:.1f}, ceiling {ceiling:.1f} nats"
    )

# %%
# Kernel density, ten thousand samples with a normal kernel on each, is how generators used to be compared. It is
# the same quantity as the annealed one, estimated by samples from the prior, which miss nearly all of p(z|x). It is
# far too low, and orders models by how forgiving their scale is.

names, annealed, density, ceiling = zip(*rows, strict=True)
places = np.arange(3)
plt.figure(figsize=(6.5, 4))
plt.bar(places - 0.2, annealed, 0.4, label="annealed importance sampling")
plt.bar(places + 0.2, density, 0.4, label="kernel density")
plt.plot(places, ceiling, "k_", markersize=40, label="ceiling of the scale")
plt.xticks(places, names)
plt.ylabel("log p(x), nats")
plt.ylim(0, 140)
plt.legend()
plt.show()

# %%
# Samples of the three.

figure, axes = plt.subplots(3, 10, figsize=(8, 2.8))
for line, (name, model) in zip(axes, (("VAE", vae), ("GAN", gan), ("GMMN", gmmn)), strict=True):
    for axis, image in zip(line, np.asarray(model.sample(10, seed=0)), strict=True):
        axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
plt.show()
