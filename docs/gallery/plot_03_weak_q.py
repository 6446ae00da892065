"""
A weak q, and what it costs
===========================

q(z|x) has three jobs: it makes the bound of training, the codes, and the particles of evaluation. Here the
true posterior is a bent shape that no diagonal Normal fits, and the numbers say so.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import tfvae
from tfvae import distributions, networks

# %%
# Points near two bent heaps, and the same model with two posteriors.

keras.utils.set_random_seed(0)  # also of the heads, whose initial weights are drawn when they are made
rng = np.random.default_rng(0)
side = rng.choice([-1.0, 1.0], size=4000)
along = rng.normal(size=4000)
x = np.stack([along, side * (1.5 - 0.4 * along**2)], axis=1) + 0.15 * rng.normal(size=(4000, 2))
x = x.astype("float32")
train, test = x[:3500], x[3500:]


def trained(posterior):
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        networks.MLP([64, 64], "tanh"),
        networks.MLP([64, 64], "tanh"),
        posterior=posterior,
        likelihood=distributions.Normal((2,), scale="learned", initial_scale=0.3),
        estimator="elbo",
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(train, epochs=60, batch_size=100, verbose=0)
    return model


models = {
    "diagonal": trained(distributions.DiagonalNormal(2)),
    "full": trained(distributions.FullCovarianceNormal(2)),
    "flow": trained(distributions.InverseAutoregressiveFlow(2, hidden_size=64)),
}

# %%
# What training sees is the ELBO. What counts is log p(x), here by annealed importance sampling, which needs
# no q.

names, elbos, values = [], [], []
for name, model in models.items():
    elbo = float(np.mean(model.elbo(test, 50, seed=0)))
    exact = tfvae.evaluation.ais(model, test[:100], num_temperatures=200)
    sampled = tfvae.evaluation.log_marginal(model, test, num_samples=2000)
    print(
        f"{name}: ELBO {elbo:.2f}, importance sampling {-sampled.nll:.2f} "
        f"(median Pareto k {np.median(sampled.pareto_k):.2f}), annealing {-exact.nll:.2f} nats on 100 points"
    )
    names.append(name)
    elbos.append(elbo)
    values.append(-sampled.nll)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
axes[0].bar(names, np.array(values) - np.array(elbos))
axes[0].set(ylabel="log p(x) - ELBO, nats", title="what the bound loses")
sampled = np.asarray(models["flow"].sample(2000, seed=0, mean=False))
axes[1].scatter(*test.T, s=6, label="data")
axes[1].scatter(*sampled[:500].T, s=6, label="samples")
axes[1].legend()
axes[1].set(title="model with a flow for q")
plt.show()
