"""
IWAE, and why K matters
=======================

The importance-weighted bound tightens with the number K of particles. Two different things are called K: the
particles of training, and the particles of evaluation.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")
train, test = x[:1500], x[1500:]


def trained(num_samples, estimator):
    keras.utils.set_random_seed(0)
    model = tfvae.IWAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=distributions.DiagonalNormal(8),
        likelihood=distributions.Bernoulli((8, 8, 1)),
        num_samples=num_samples,
        estimator=estimator,
    )
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(train, epochs=60, batch_size=100, verbose=0)
    return model


# %%
# K in evaluation
# ---------------
# One model, trained with one particle. The bound of its test digits grows with K towards log p(x).

model = trained(1, "iwae")
particles = [1, 2, 5, 10, 50, 200, 1000]
bounds = [float(np.mean(model.iwelbo(test, K, seed=0))) for K in particles]

plt.figure(figsize=(6, 3.6))
plt.semilogx(particles, bounds, "o-")
plt.xlabel("K, particles")
plt.ylabel("bound on log p(x), nats")
plt.title("a fixed model")
plt.tight_layout()
plt.show()

# %%
# K in training
# -------------
# Three models, all evaluated with 1,000 particles. The differences are paired: the same digits for all, so
# that their standard errors are far smaller than those of the log-likelihoods.

results = {
    "K = 1, elbo": tfvae.evaluation.log_marginal(model, test, 1000),
    "K = 5, iwae": tfvae.evaluation.log_marginal(trained(5, "iwae"), test, 1000),
    "K = 5, dreg": tfvae.evaluation.log_marginal(trained(5, "dreg"), test, 1000),
}
first = results["K = 1, elbo"].log_prob
for name, result in results.items():
    gain = result.log_prob - first
    print(
        f"{name}: {-result.nll:.2f} +- {result.nll_standard_error:.2f} nats, gain "
        f"{gain.mean():.2f} +- {gain.std() / len(gain) ** 0.5:.2f}"
    )
