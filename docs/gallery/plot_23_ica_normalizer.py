"""
How many examples a normaliser needs
====================================

Four Laplace sources s are mixed, x = A s. Their density has the closed form

.. math::

    \\log p(x) = -\\sqrt 2 \\sum_i |b_i x| - \\log Z, \\quad
    \\log Z = \\tfrac n2 \\log 2 - \\log |\\det B|, \\quad B = A^{-1}.

Noise-contrastive estimation learns B and log Z together, from T examples and 3 T draws of normal noise with the
data's covariance. The squared error of log Z falls as 1 / T, as the paper that introduced the method says.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import optimize, stats

from tfvae import comparisons

N, RATIO = 4, 3
MIXING = np.random.default_rng(0).normal(size=(N, N))
TRUE = np.linalg.inv(MIXING)
LOG_Z = 0.5 * N * np.log(2) - np.linalg.slogdet(TRUE)[1]
compare = comparisons.get({"name": "noise-contrastive", "ratio": RATIO})


def learned(count, seed):
    """Returns log Z where the comparison of `count` examples with fixed noise is least."""
    rng = np.random.default_rng([count, seed])
    x = rng.laplace(size=(count, N)) / np.sqrt(2) @ MIXING.T
    covariance = np.cov(x, rowvar=False)
    y = rng.multivariate_normal(np.zeros(N), covariance, size=RATIO * count)
    noise = stats.multivariate_normal(np.zeros(N), covariance)
    log_noise = [noise.logpdf(v) for v in (x, y)]

    def cost(parameters):
        unmixing, log_z = parameters[:-1].reshape(N, N), parameters[-1]
        activities = [v @ unmixing.T for v in (x, y)]
        gaps = [
            -np.sqrt(2) * np.abs(s).sum(axis=1) - log_z - each
            for s, each in zip(activities, log_noise, strict=True)
        ]
        value, slope = 0.0, np.zeros(N * N + 1)
        for part, s, v in zip(compare(*gaps), activities, (x, y), strict=True):
            weight = part.weight.numpy() / len(v)
            value += part.value.numpy().mean()
            slope[:-1] -= np.sqrt(2) * ((weight[:, None] * np.sign(s)).T @ v).ravel()
            slope[-1] -= weight.sum()
        return value, slope

    start = np.append(TRUE + 0.05, 0.0)
    return optimize.minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x[-1]


replicates = {500: 30, 1000: 30, 2000: 16, 4000: 10, 8000: 6, 16_000: 6}
squares = {
    count: np.array([(learned(count, seed) - LOG_Z) ** 2 for seed in range(number)])
    for count, number in replicates.items()
}
for count, found in squares.items():
    print(f"T = {count:6,}: squared error {found.mean():.5f}, times T {count * found.mean():.1f}")

# %%
# The bars are standard errors over the data sets of a size. The line is a / T, with a from all of them.

counts = np.array(list(squares))
errors = [found.std(ddof=1) / np.sqrt(len(found)) for found in squares.values()]
a = np.mean([count * square for count, found in squares.items() for square in found])
plt.errorbar(counts, [found.mean() for found in squares.values()], errors, fmt="o", label="measured")
plt.plot(counts, a / counts, label=f"{a:.1f} / T")
plt.xscale("log")
plt.yscale("log")
plt.xlabel("examples T")
plt.ylabel("squared error of log Z, nats$^2$")
plt.legend()
plt.show()
