"""The table of conformance: a tiny model of each product-worthy combination of parts.

A new model, head or network is one row here; test_table.py fails until there is one. Each file test_<property>.py
holds every row to one property.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae import DRAW, IWAE, VAE, DiscreteVAE, HierarchicalVAE, LadderVAE
from tfvae.distributions import (
    Bernoulli,
    CategoricalPixels,
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    FullCovarianceNormal,
    HouseholderNormal,
    InverseAutoregressiveFlow,
    MixturePrior,
    Normal,
    OneHotCategorical,
    RealNVP,
    RealNVPPrior,
    StandardNormal,
    VampPrior,
)
from tfvae.networks import MLP, ConvDecoder, ConvEncoder

IMAGE = (4, 4, 1)


def functional(size, width, name):
    """A functional Keras model with a normalisation layer and a skip connection."""
    inputs = keras.Input((size,))
    hidden = keras.layers.Dense(width, "tanh")(inputs)
    hidden = keras.layers.LayerNormalization()(hidden)
    return keras.Model(inputs, keras.layers.Concatenate()([hidden, inputs]), name=name)


def vae_mlp(**options):
    return VAE(
        MLP([6], "tanh"), MLP([5, 4]), posterior=DiagonalNormal(2), likelihood=Bernoulli((3, 2)), **options
    )


def vae_mlp_batch_norm(**options):
    return VAE(
        MLP([6], batch_norm=True),
        MLP([5], batch_norm=True),
        posterior=DiagonalNormal(2, scale="softplus"),
        likelihood=Normal(4, scale=0.5),
        **{"estimator": "stl", "num_samples": 2} | options,
    )


def vae_conv(**options):
    return VAE(
        ConvEncoder([3, 4]),
        ConvDecoder(IMAGE, [4, 3]),
        posterior=DiagonalNormal(3),
        likelihood=Bernoulli(IMAGE),
        **{"estimator": "elbo-analytic", "free_bits": 0.1, "kl_warmup_steps": 3} | options,
    )


def vae_functional(**options):
    return VAE(
        functional(4, 6, "encoder"),
        functional(2, 5, "decoder"),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(4, scale="learned"),
        **{"estimator": "elbo-analytic"} | options,
    )


def vae_linear(**options):
    return VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(4, scale="learned"),
        prior=StandardNormal(2),
        **options,
    )


def vae_optimal_scale(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=Normal(4, scale="optimal"),
        **options,
    )


def vae_continuous_bernoulli(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=ContinuousBernoulli((3, 2)),
        **options,
    )


def vae_categorical_pixels(**options):
    return VAE(
        ConvEncoder([3]),
        ConvDecoder(IMAGE, [3]),
        posterior=DiagonalNormal(2),
        likelihood=CategoricalPixels(IMAGE, levels=5),
        **options,
    )


def iwae_discretized_logistic(**options):
    return IWAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=DiscretizedLogistic((3, 2), levels=17),
        **{"num_samples": 3} | options,
    )


def hierarchical_logistic_mixture(**options):
    return HierarchicalVAE(
        [MLP([6], "tanh"), MLP([5], "tanh")],
        [MLP([6]), MLP([5], "tanh")],
        posteriors=[DiagonalNormal(3), DiagonalNormal(2)],
        conditionals=[DiagonalNormal(3)],
        likelihood=DiscretizedLogisticMixture(3, components=2, levels=4),
        **options,
    )


def iwae_mlp(**options):
    return IWAE(
        MLP([6], "tanh", kernel_initializer="he_normal"),
        MLP([5]),
        posterior=DiagonalNormal(2, scale="softplus"),
        likelihood=Normal(4, scale="learned"),
        **{"num_samples": 3, "estimator": "dreg", "seed": 5, "kl_warmup_steps": 4} | options,
    )


def iwae_mlp_batch_norm(**options):
    return IWAE(
        MLP([6], "tanh", batch_norm=True),
        MLP([5], "tanh", batch_norm=True),
        posterior=DiagonalNormal(2),
        likelihood=Bernoulli(5),
        **{"num_samples": 3} | options,
    )


def iwae_conv(**options):
    return IWAE(
        ConvEncoder([3], kernel_size=5, activation="elu"),
        ConvDecoder(IMAGE, [3], activation="tanh"),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(IMAGE, scale=0.7),
        **{"num_samples": 3, "estimator": "iwae-stl"} | options,
    )


def iwae_functional(**options):
    return IWAE(
        functional(4, 6, "encoder"),
        functional(2, 5, "decoder"),
        posterior=DiagonalNormal(2),
        likelihood=Bernoulli(4),
        **{"num_samples": 4, "estimator": "dreg"} | options,
    )


def iwae_linear(**options):
    return IWAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=DiagonalNormal(2),
        likelihood=Normal(4, scale=1.5),
        **{"num_samples": 3} | options,
    )


def iwae_autoregressive_mixture(**options):
    return IWAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=InverseAutoregressiveFlow(3, hidden_size=7, context_size=2),
        likelihood=Bernoulli((3, 2)),
        prior=MixturePrior(3, components=4),
        **{"num_samples": 3, "kl_warmup_steps": 4} | options,
    )


def vae_householder_vamp(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=HouseholderNormal(3),
        likelihood=Bernoulli((3, 2)),
        prior=VampPrior(3, (3, 2), components=4),
        **{"estimator": "stl", "num_samples": 2} | options,
    )


def iwae_coupling(**options):
    return IWAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=RealNVP(3, couplings=2, hidden_size=5, context_size=2),
        likelihood=Normal(4, scale=0.7),
        prior=RealNVPPrior(3, couplings=3, hidden_size=4),
        **{"num_samples": 3, "estimator": "dreg"} | options,
    )


def hierarchical_mlp(**options):
    return HierarchicalVAE(
        [MLP([6], "tanh"), MLP([5], "tanh")],
        [MLP([6]), MLP([5], "tanh")],
        posteriors=[DiagonalNormal(3), DiagonalNormal(2, scale="softplus")],
        conditionals=[DiagonalNormal(3)],
        likelihood=Bernoulli((3, 2)),
        **{"estimator": "dreg", "num_samples": 3} | options,
    )


def ladder_mlp(**options):
    return LadderVAE(
        [MLP([6], "tanh"), MLP([5], "tanh"), MLP([4])],
        [MLP([6]), MLP([5], "tanh"), MLP([4])],
        posteriors=[DiagonalNormal(3), DiagonalNormal(2, scale="softplus"), DiagonalNormal(2)],
        conditionals=[DiagonalNormal(3), DiagonalNormal(2)],
        likelihood=Bernoulli((3, 2)),
        **{"estimator": "dreg", "num_samples": 3} | options,
    )


def draw_whole(**options):
    return DRAW(
        likelihood=Normal(4, scale="learned", linear=False),
        **{"steps": 2, "step_latent_size": 2, "units": 5, "estimator": "stl", "num_samples": 2} | options,
    )


def draw_attention(**options):
    return DRAW(
        likelihood=Bernoulli((4, 5, 2), linear=False),
        **{"steps": 3, "step_latent_size": 2, "units": 6, "read_window": 2, "write_window": 3} | options,
    )


def discrete_linear(**options):
    return DiscreteVAE(
        [keras.layers.Identity()],
        [keras.layers.Identity()],
        posteriors=[Bernoulli(4)],
        likelihood=Bernoulli(5),
        **{"estimator": "nvil", "num_samples": 2} | options,
    )


def discrete_mlp_two_layers(**options):
    return DiscreteVAE(
        [MLP([6], "tanh"), MLP([4], "tanh")],
        [MLP([6], "tanh"), keras.layers.Identity()],
        posteriors=[Bernoulli(4), Bernoulli(3)],
        likelihood=Bernoulli((3, 2)),
        **{"estimator": "vimco", "num_samples": 3} | options,
    )


def discrete_one_hot(**options):
    return DiscreteVAE(
        [MLP([6], "tanh")],
        [MLP([5], "tanh")],
        posteriors=[OneHotCategorical((2, 3))],
        likelihood=Normal(4, scale=0.7),
        **{"estimator": "relaxed", "num_samples": 2} | options,
    )


def discrete_two_kinds(**options):
    return DiscreteVAE(
        [MLP([6], "tanh"), keras.layers.Identity()],
        [MLP([5], "tanh"), MLP([4], "tanh")],
        posteriors=[OneHotCategorical((2, 3)), Bernoulli(2)],
        likelihood=Bernoulli(4),
        **{"estimator": "rws", "num_samples": 3} | options,
    )


TABLE = {
    "vae-mlp": vae_mlp,
    "vae-mlp-batch-norm": vae_mlp_batch_norm,
    "vae-conv": vae_conv,
    "vae-functional": vae_functional,
    "vae-linear": vae_linear,
    "vae-optimal-scale": vae_optimal_scale,
    "vae-continuous-bernoulli": vae_continuous_bernoulli,
    "vae-categorical-pixels": vae_categorical_pixels,
    "iwae-discretized-logistic": iwae_discretized_logistic,
    "hierarchical-logistic-mixture": hierarchical_logistic_mixture,
    "iwae-mlp": iwae_mlp,
    "iwae-mlp-batch-norm": iwae_mlp_batch_norm,
    "iwae-conv": iwae_conv,
    "iwae-functional": iwae_functional,
    "iwae-linear": iwae_linear,
    "iwae-autoregressive-mixture": iwae_autoregressive_mixture,
    "vae-householder-vamp": vae_householder_vamp,
    "iwae-coupling": iwae_coupling,
    "hierarchical-mlp": hierarchical_mlp,
    "ladder-mlp": ladder_mlp,
    "draw-whole": draw_whole,
    "draw-attention": draw_attention,
    "discrete-linear": discrete_linear,
    "discrete-mlp-two-layers": discrete_mlp_two_layers,
    "discrete-one-hot": discrete_one_hot,
    "discrete-two-kinds": discrete_two_kinds,
}


def create(name, *, seed=1, **options):
    """Returns the built model of a row; its weights depend on `seed`, no bias or scale keeps its tidy start."""
    keras.utils.set_random_seed(seed)
    model = TABLE[name](**options)
    model.build()
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(0.1 * rng.standard_normal(variable.shape))
    return model


def parts(model):
    """Returns the layers that a row combines."""
    heads = [*model.posterior_heads, model.likelihood_head, model.prior_head]
    if isinstance(model, HierarchicalVAE):
        return [*model.encoders, *model.decoders, *model.conditional_heads, *heads]
    if isinstance(model, DRAW):
        heads += [part for part in (model.step_head, model.reader, model.writer) if part is not None]
    return [model.encoder, model.decoder, *heads]


def examples(model, count, seed=0):
    """Returns a batch that fits the model's likelihood."""
    head, rng = model.likelihood_head, np.random.default_rng(seed)
    x = rng.standard_normal((count, *model.event_shape)).astype(np.float32)
    if head.levels is not None:
        return (rng.integers(head.levels, size=x.shape) / (head.levels - 1)).astype(np.float32)
    if isinstance(head, ContinuousBernoulli):
        return rng.uniform(size=x.shape).astype(np.float32)
    return (x > 0).astype(np.float32) if isinstance(head, Bernoulli) else x


def top_latents(model, x):
    """Returns the prior's mean for each example."""
    head = model.prior_head
    return tf.repeat(head.mean(head.parameters())[tf.newaxis], tf.shape(x)[0], axis=0)


def outputs(model, x):
    """Returns what the public methods make of `x`, as arrays by name."""
    z = model.encode(x)
    figures = {
        "call": model(x),
        "encode": z,
        "decode": model.decode(z),
        "reconstruct": model.reconstruct(x),
        "log_weights": model.log_weights(x, 3, seed=1),
        "elbo": model.elbo(x, 2, seed=2),
        "iwelbo": model.iwelbo(x, 3, seed=3),
        "posterior": model.posterior(x).log_prob(z),
        "prior": model.prior().log_prob(top_latents(model, x)),
        "likelihood": model.likelihood(z).log_prob(x),
        "sample": model.sample(2, seed=4),
        "draw": model.sample(2, seed=4, mean=False),
    }
    return {name: np.asarray(value) for name, value in figures.items()}


def assert_same(actual, expected, **tolerances):
    """Asserts that two results of `outputs` agree: to the bit, or within rtol and atol."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, err_msg=name, **{"rtol": 0, "atol": 0} | tolerances)
