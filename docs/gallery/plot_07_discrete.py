"""
Discrete latents
================

A binary latent has no path derivative: the encoder learns by the score function, whose scatter a baseline
lowers. Three estimators of the same kind of gradient train the same model.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")
train, test = x[:1500], x[1500:]


def trained(estimator, num_samples):
    keras.utils.set_random_seed(0)
    model = tfvae.DiscreteVAE(
        [networks.MLP([64], "tanh")],
        [networks.MLP([64], "tanh")],
        posteriors=[distributions.Bernoulli(20)],
        likelihood=distributions.Bernoulli((8, 8, 1)),
        estimator=estimator,
        num_samples=num_samples,
    )
    model.compile(keras.optimizers.Adam(2e-3))
    history = model.fit(train, epochs=40, batch_size=100, validation_data=(test,), verbose=0).history
    return model, history


plt.figure(figsize=(6.5, 4))
for estimator, num_samples in (("reinforce", 5), ("nvil", 5), ("vimco", 5)):
    model, history = trained(estimator, num_samples)
    result = tfvae.evaluation.log_marginal(model, test, num_samples=500)
    print(f"{estimator}: {-result.nll:.2f} +- {result.nll_standard_error:.2f} nats")
    plt.plot(history["val_bound"], label=estimator)
plt.xlabel("epoch")
plt.ylabel("validation bound, nats")
plt.legend()
plt.show()
