"""
Codes that fill the prior
=========================

The same small VAE of digits, without and with each comparison in latent space. Dots are codes of held-out digits, draws
from q(z), in the colour of their class. Circles hold 50 and 95 percent of the prior.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

digits = load_digits()
x = (digits.images[..., np.newaxis] > 8).astype("float32")
train, test, labels = x[:1500], x[1500:], digits.target[1500:]


def trained(**options):
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=distributions.DiagonalNormal(2),
        likelihood=distributions.Bernoulli((8, 8, 1)),
        **options,
    )
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(train, epochs=50, batch_size=100, verbose=0)
    return model


runs = {
    "VAE": {},
    "InfoVAE": {"kl_weight": 0.2, "latent_comparison": "mmd"},
    "WAE-MMD": {"kl_weight": 0.0, "latent_comparison": "mmd"},
    "adversarial autoencoder": {"kl_weight": 0.0, "latent_comparison": "non-saturating"},
    "beta-TC-VAE": {"latent_comparison": "total-correlation"},
    "FactorVAE": {"latent_comparison": "factor"},
}

# %%
# log p(x) is that of the trained model. In the plane it is an integral over a grid, so that a q(z|x) that has grown too
# narrow for importance sampling does no harm. The error is the standard error over the digits.

side = np.linspace(-5.0, 5.0, 161)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype("float32")
log_mass = 2 * np.log(side[1] - side[0]) - np.log(2 * np.pi) - 0.5 * (grid**2).sum(axis=1)


def log_prob(model):
    pixels = np.clip(model.decode(grid).numpy().reshape(-1, 64).astype(float), 1e-7, 1 - 1e-7)
    flat = test.reshape(-1, 64)
    return logsumexp(flat @ np.log(pixels).T + (1 - flat) @ np.log(1 - pixels).T + log_mass, axis=1)


# %%
# Here log p(x) differs by little: all six decoders are about as good. The bound does differ. Without a KL term nothing
# keeps q(z|x) as wide as the true posterior, and the bound falls short by several nats: it ranks no such models.
# The two comparisons of units take away what little correlation the codes of the plain VAE have.

angle = np.linspace(0, 2 * np.pi, 100)
figure, axes = plt.subplots(2, 3, figsize=(10, 7), sharex=True, sharey=True, layout="constrained")
for axis, (title, options) in zip(axes.flat, runs.items(), strict=True):
    model = trained(**options)
    z = model.posterior(test).sample(seed=1).numpy()
    values = log_prob(model)
    mean, error = values.mean(), values.std(ddof=1) / len(values) ** 0.5
    bound = model.evaluate(test, batch_size=297, verbose=0, return_dict=True)["bound"]
    correlation = np.corrcoef(z.T)[0, 1]
    print(
        f"{title:>24}: log p(x) {mean:.2f} +- {error:.2f}, bound {bound:.2f}, "
        f"codes' spread {z.std(axis=0).round(2)}, correlation {correlation:+.2f}"
    )
    axis.scatter(*z.T, c=labels, cmap="tab10", s=6)
    for mass in (0.5, 0.95):
        radius = np.sqrt(-2 * np.log(1 - mass))
        axis.plot(radius * np.cos(angle), radius * np.sin(angle), color="black", linewidth=0.8)
    axis.set(title=f"{title}\nlog p(x) {mean:.1f} ± {error:.1f}", aspect="equal")
    axis.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6))
figure.supxlabel("z0")
figure.supylabel("z1")
plt.show()
