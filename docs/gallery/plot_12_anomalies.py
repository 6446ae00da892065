"""
Anomaly detection, honestly
===========================

log p(x) is a score for the unusual. How good a score it is depends on what is unusual: it must be measured,
with a threshold that was chosen on other data than it is judged by.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

import tfvae
from tfvae import distributions, networks

digits = load_digits()
x = (digits.images[..., np.newaxis] > 8).astype("float32")
known = x[digits.target != 8]
train, calibration, test = known[:1000], known[1000:1300], known[1300:]
others = {
    "the digit 8, never seen": x[digits.target == 8],
    "digits upside down": test[:, ::-1],
    "an empty image": np.zeros((50, 8, 8, 1), "float32"),
    "noise": (np.random.default_rng(0).random((200, 8, 8, 1)) < x.mean()).astype("float32"),
}

keras.utils.set_random_seed(0)
model = tfvae.IWAE(
    networks.MLP([128, 128], "tanh"),
    networks.MLP([128, 128], "tanh"),
    posterior=distributions.DiagonalNormal(8),
    likelihood=distributions.Bernoulli((8, 8, 1)),
    num_samples=5,
    estimator="dreg",
)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(train, epochs=60, batch_size=100, verbose=0)


def score(images):
    return tfvae.evaluation.log_marginal(model, images, num_samples=500).log_prob


# %%
# The threshold gives 5 % false alarms on the calibration digits. The test digits say what it gives on new
# ones.

threshold = np.quantile(score(calibration), 0.05)
usual = score(test)
print(f"threshold {threshold:.1f} nats; false alarms on new digits: {np.mean(usual < threshold):.1%}")

plt.figure(figsize=(7, 4))
bins = np.linspace(-60, 0, 60)
plt.hist(usual, bins, density=True, alpha=0.6, label="test digits")
for name, images in others.items():
    values = score(images)
    area = roc_auc_score(np.r_[np.zeros(len(usual)), np.ones(len(values))], -np.r_[usual, values])
    print(f"{name}: {np.mean(values < threshold):.0%} found, area under the curve {area:.2f}")
    plt.hist(values.clip(-60, 0), bins, density=True, alpha=0.4, label=name)
plt.axvline(threshold, color="k", linewidth=1)
plt.xlabel("log p(x), nats")
plt.legend()
plt.show()

# %%
# What has the wrong texture is found, what has the wrong shape mostly is not: digits that were never seen, or
# that stand upside down, are made of the same strokes. One number, "the" anomaly score of a model, would have
# hidden that.
