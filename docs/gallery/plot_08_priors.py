"""
Priors that learn: mixture, VampPrior and flow
==============================================

With a standard normal prior, two heaps of data must share one heap of latents. A prior with parameters
follows the codes.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import tfvae
from tfvae import distributions, networks

keras.utils.set_random_seed(0)  # also of the heads, whose initial weights are drawn when they are made
rng = np.random.default_rng(0)
side = rng.choice([-1.0, 1.0], size=4000)
along = rng.normal(size=4000)
x = np.stack([along + 3.0 * side, side * (1.5 - 0.4 * along**2)], axis=1) + 0.1 * rng.normal(size=(4000, 2))
x = x.astype("float32")
train, test = x[:3500], x[3500:]


def trained(prior):
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=distributions.DiagonalNormal(2),
        likelihood=distributions.Normal((2,), scale="learned", initial_scale=0.3),
        prior=prior,
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(train, epochs=50, batch_size=100, verbose=0)
    return model


priors = {
    "standard": distributions.StandardNormal(2),
    "mixture": distributions.MixturePrior(2, components=20),
    "VampPrior": distributions.VampPrior(2, (2,), components=20, value_range=(-7.0, 7.0)),
    "RealNVP": distributions.RealNVPPrior(2),
}
figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), sharex=True, sharey=True)
for axis, (name, prior) in zip(axes, priors.items(), strict=True):
    model = trained(prior)
    result = tfvae.evaluation.log_marginal(model, test, num_samples=500)
    print(f"{name}: {-result.nll:.2f} +- {result.nll_standard_error:.2f} nats")
    axis.scatter(*test.T, s=4, label="data")
    axis.scatter(*np.asarray(model.sample(500, seed=0, mean=False)).T, s=4, label="samples")
    axis.set_title(f"{name}: {-result.nll:.2f} nats")
axes[0].legend()
plt.show()
