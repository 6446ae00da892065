"""
A first VAE and its latent map
==============================

A VAE with two latent units on 8x8 digits, small enough to look at all of its latent space.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

digits = load_digits()
x = (digits.images[..., np.newaxis] > 8).astype("float32")
train, test, labels = x[:1500], x[1500:], digits.target[1500:]

# %%
# The parts: any Keras layers for the networks, and a head for each distribution. Pixels are binary, so that
# p(x|z) is a Bernoulli distribution.

keras.utils.set_random_seed(0)
model = tfvae.VAE(
    encoder=networks.MLP([128, 128], "tanh"),
    decoder=networks.MLP([128, 128], "tanh"),
    posterior=distributions.DiagonalNormal(2),
    likelihood=distributions.Bernoulli((8, 8, 1)),
)
model.compile(keras.optimizers.Adam(2e-3))
history = model.fit(train, epochs=60, batch_size=100, validation_data=(test,), verbose=0).history
print({name: round(values[-1], 2) for name, values in history.items()})

# %%
# On the left the code of each test digit, coloured by its label, which the model never saw. On the right the
# mean image at each place of the latent space, spaced so that each holds an equal share of the prior.

codes = model.encode(test)
grid, _ = tfvae.latent.manifold(model, 15)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
points = left.scatter(*np.transpose(codes), c=labels, cmap="tab10", s=12)
figure.colorbar(points, ax=left, label="digit")
left.set(xlabel="z_1", ylabel="z_2", title="codes of test digits")
rows = np.asarray(grid)[..., 0].reshape(15, 15, 8, 8).transpose(0, 2, 1, 3).reshape(120, 120)
right.imshow(rows, cmap="gray_r")
right.set(xticks=[], yticks=[], title="means along the latent space")
plt.show()

# %%
# The log-likelihood of the test digits, in nats, with its standard error.

result = tfvae.evaluation.log_marginal(model, test, num_samples=1000)
print(f"{-result.nll:.2f} +- {result.nll_standard_error:.2f} nats")
