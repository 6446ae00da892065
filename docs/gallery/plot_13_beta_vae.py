"""
beta-VAE: what a heavier KL term does
=====================================

`kl_weight` above 1 makes each nat of code dearer. Units that are not worth it fall silent, reconstructions
blur, and the bound on log p(x), which is always reported with weight 1, falls.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")
train, test = x[:1500], x[1500:]


def trained(weight):
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=distributions.DiagonalNormal(8),
        likelihood=distributions.Bernoulli((8, 8, 1)),
        kl_weight=weight,
    )
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(train, epochs=50, batch_size=100, verbose=0)
    return model


weights = [0.25, 0.5, 1.0, 2.0, 4.0]
rates, distortions, active = [], [], []
for weight in weights:
    model = trained(weight)
    found = tfvae.evaluation.rate_distortion(model, test)
    units = tfvae.evaluation.active_units(model, test)
    rates.append(found.rate)
    distortions.append(found.distortion)
    active.append(units.count)
    print(
        f"weight {weight}: rate {rates[-1]:.2f}, distortion {distortions[-1]:.2f}, active units {active[-1]} of 8"
    )

figure, axis = plt.subplots(figsize=(6, 4))
axis.plot(rates, distortions, "o-")
for weight, rate, distortion, count in zip(weights, rates, distortions, active, strict=True):
    axis.annotate(
        f"weight {weight:g}, {count} active", (rate, distortion), xytext=(6, 4), textcoords="offset points"
    )
axis.set(xlim=(-0.6, 16.0), ylim=(8.0, 26.0))
low, high = axis.get_xlim()
axis.plot(
    [low, high],
    [sum((rates[2], distortions[2])) - low, sum((rates[2], distortions[2])) - high],
    ":",
    color="gray",
)
axis.set(
    xlabel="rate, nats", ylabel="distortion, nats", title="on the dotted line the bound is that of weight 1"
)
plt.show()
