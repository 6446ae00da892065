"""The table of conformance: a tiny model of each product-worthy combination of parts.

A new model, head or network is one row here; test_table.py fails until there is one. Each file test_<property>.py
holds every row to one property.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import (
    CVAE,
    DRAW,
    GAN,
    GMMN,
    IWAE,
    VAE,
    Autoencoder,
    DiscreteVAE,
    HierarchicalVAE,
    LadderVAE,
    NoiseContrastive,
    Regressor,
)
from tfvae.distributions import (
    Bernoulli,
    CategoricalPixels,
    Columns,
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    FromTFP,
    FullCovarianceNormal,
    HouseholderNormal,
    InverseAutoregressiveFlow,
    MixturePrior,
    Normal,
    OneHotCategorical,
    Poisson,
    RealNVP,
    RealNVPPrior,
    StandardNormal,
    StudentT,
    Uniform,
    VampPrior,
)
from tfvae.models.conditional import Conditional
from tfvae.models.implicit import ImplicitModel
from tfvae.networks import MLP, ConvDecoder, ConvEncoder, DCGANDiscriminator, DCGANGenerator, LaplaceSources

IMAGE = (4, 4, 1)
COLUMN = np.arange(16).reshape(IMAGE) % 4 == 2


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


def vae_latent_mmd(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(4, scale=0.5),
        prior=MixturePrior(2, components=3),
        **{"latent_comparison": {"name": "mmd", "unbiased": True}, "latent_weight": 2.0, "kl_weight": 0.5}
        | options,
    )


def vae_latent_adversarial(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=Bernoulli((3, 2)),
        latent_comparison="non-saturating",
        latent_discriminator=MLP([4, 1], "tanh"),
        **{"estimator": "stl", "num_samples": 2} | options,
    )


def vae_latent_total_correlation(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=Normal(4, scale=0.5),
        latent_comparison={"name": "total-correlation", "dataset_size": 100},
        **{"estimator": "elbo-analytic"} | options,
    )


def vae_latent_factor(**options):
    return VAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(4, scale=0.5),
        latent_comparison="factor",
        **options,
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


def iwae_columns_optimal_scale(**options):
    heads = [StudentT(1), Poisson(1), OneHotCategorical((1, 3)), Normal(2, scale="optimal")]
    columns = [[5], [1], [0, 2, 3], [4, 6]]
    return IWAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        posterior=DiagonalNormal(2),
        likelihood=Columns(heads, columns),
        **{"num_samples": 3} | options,
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


def cvae_column(**options):
    return CVAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        condition_shape=IMAGE,
        condition_network=MLP([4], "tanh"),
        visible=COLUMN,
        posterior=DiagonalNormal(2),
        likelihood=Bernoulli(12),
        prior=DiagonalNormal(2, scale="softplus"),
        **{"estimator": "dreg", "num_samples": 3} | options,
    )


def cvae_image(**options):
    return CVAE(
        ConvEncoder([3]),
        ConvDecoder(IMAGE, [3]),
        condition_shape=(4, 4, 2),
        condition_network=ConvEncoder([2], activation="tanh"),
        posterior=FullCovarianceNormal(2),
        likelihood=Normal(IMAGE, scale="learned"),
        prior=FullCovarianceNormal(2),
        **{"estimator": "elbo-analytic", "kl_warmup_steps": 3} | options,
    )


def cvae_label(**options):
    return CVAE(
        MLP([6], "tanh"),
        keras.layers.Identity(),
        condition_shape=3,
        posterior=DiagonalNormal(2),
        likelihood=Normal(4, scale=0.7),
        **options,
    )


def cvae_counts(**options):
    return CVAE(
        MLP([6], "tanh"),
        MLP([5], "tanh"),
        condition_shape=3,
        posterior=DiagonalNormal(2),
        likelihood=FromTFP(tfp.distributions.NegativeBinomial, (3, 2), shared=["total_count"]),
        **{"num_samples": 2} | options,
    )


def regressor_column(**options):
    return Regressor(
        MLP([6, 5], "tanh"),
        condition_shape=IMAGE,
        visible=COLUMN,
        likelihood=Normal(12, scale="learned"),
        **options,
    )


def regressor_label(**options):
    return Regressor(MLP([5]), condition_shape=3, likelihood=Bernoulli((3, 2)), **options)


def gan_mlp(**options):
    return GAN(
        MLP([6, 4], "tanh"),
        MLP([5, 1], "tanh"),
        prior=StandardNormal(3),
        **{"discriminator_steps": 2, "r1_penalty": 0.1, "observation_scale": 0.5, "ema": 0.5} | options,
    )


def gan_dcgan(**options):
    return GAN(
        DCGANGenerator((8, 8, 1), width=2),
        DCGANDiscriminator(width=3),
        prior=Uniform(4),
        **{"cost": "minimax"} | options,
    )


def gmmn_mlp(**options):
    return GMMN(
        MLP([6, 4], "tanh"),
        prior=Uniform(3),
        **{"bandwidths": (1.0, 4.0), "observation_scale": 0.5, "ema": 0.5} | options,
    )


def gmmn_codes(**options):
    autoencoder = Autoencoder(MLP([5, 2], "tanh"), MLP([6, 4], "tanh"), event_shape=4)
    return GMMN(
        MLP([6, 2], "tanh"),
        prior=StandardNormal(3),
        autoencoder=autoencoder,
        **{"bandwidths": (1.0,), "unbiased": True, "root": False} | options,
    )


def gmmn_codes_first(**options):
    """Its first step trains the autoencoder, the others the generator."""
    autoencoder = Autoencoder(MLP([5, 2], "tanh"), MLP([6, 4], "tanh"), event_shape=4)
    return GMMN(
        MLP([6, 2], "tanh"),
        prior=Uniform(3),
        autoencoder=autoencoder,
        **{"bandwidths": (1.0,), "autoencoder_steps": 1} | options,
    )


def autoencoder_mlp(**options):
    return Autoencoder(
        MLP([5, 2], "tanh"), MLP([6, 8], "tanh"), **{"event_shape": 8, "loss": "bernoulli"} | options
    )


def noise_contrastive(**options):
    noise = tfp.distributions.MultivariateNormalDiag([0.0] * 4, [1.5] * 4)
    return NoiseContrastive(MLP([6, 1], "tanh"), noise, **{"ratio": 3} | options)


def noise_contrastive_sources(**options):
    noise = tfp.distributions.MultivariateNormalDiag([0.0] * 3, [1.5] * 3)
    return NoiseContrastive(LaplaceSources(), noise, **{"ratio": 2} | options)


TABLE = {
    "vae-mlp": vae_mlp,
    "vae-mlp-batch-norm": vae_mlp_batch_norm,
    "vae-latent-mmd": vae_latent_mmd,
    "vae-latent-adversarial": vae_latent_adversarial,
    "vae-latent-total-correlation": vae_latent_total_correlation,
    "vae-latent-factor": vae_latent_factor,
    "vae-conv": vae_conv,
    "vae-functional": vae_functional,
    "vae-linear": vae_linear,
    "vae-optimal-scale": vae_optimal_scale,
    "vae-continuous-bernoulli": vae_continuous_bernoulli,
    "vae-categorical-pixels": vae_categorical_pixels,
    "iwae-discretized-logistic": iwae_discretized_logistic,
    "hierarchical-logistic-mixture": hierarchical_logistic_mixture,
    "iwae-columns-optimal-scale": iwae_columns_optimal_scale,
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
    "cvae-column": cvae_column,
    "cvae-image": cvae_image,
    "cvae-label": cvae_label,
    "cvae-counts": cvae_counts,
    "regressor-column": regressor_column,
    "regressor-label": regressor_label,
    "gan-mlp": gan_mlp,
    "gan-dcgan-batch-norm": gan_dcgan,
    "gmmn-mlp": gmmn_mlp,
    "gmmn-codes": gmmn_codes,
    "gmmn-codes-first": gmmn_codes_first,
    "autoencoder-mlp": autoencoder_mlp,
    "noise-contrastive-mlp": noise_contrastive,
    "noise-contrastive-sources": noise_contrastive_sources,
}
WITHOUT_POSTERIOR = ("regressor", "gan", "gmmn", "autoencoder", "noise-contrastive")
INFERENTIAL = [name for name in TABLE if not name.startswith(WITHOUT_POSTERIOR)]  # with q(z|x)


def create(name, *, seed=1, **options):
    """Returns the built model of a row; its weights depend on `seed`, no bias or scale keeps its tidy start."""
    keras.utils.set_random_seed(seed)
    model = TABLE[name](**options)
    model.build()
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(0.1 * rng.standard_normal(variable.shape))
    return model


def compiled(model, optimizer, **options):
    """Returns the model, compiled with an optimiser, or with one like it for each of two players."""
    another = {GAN: "discriminator_optimizer", GMMN: "autoencoder_optimizer"}.get(type(model))
    if getattr(model, "latent_discriminator", None) is not None:
        another = "discriminator_optimizer"
    if another is not None and getattr(model, "autoencoder_steps", 1):
        options[another] = type(optimizer).from_config(optimizer.get_config())
    model.compile(optimizer, **options)
    return model


def optimizer_variables(model):
    """Returns the variables of all optimisers of a compiled model."""
    return [variable for optimizer, _ in model.optimizers().values() for variable in optimizer.variables]


def parts(model):
    """Returns the layers that a row combines."""
    if isinstance(model, GAN):
        return [model.generator_network, model.discriminator, model.prior_head]
    if isinstance(model, GMMN):
        return [model.generator_network, model.prior_head, *codec(model)]
    if isinstance(model, Autoencoder):
        return [model.encoder, model.decoder]
    if isinstance(model, NoiseContrastive):
        return [model.energy]
    if isinstance(model, Regressor):
        return [model.network, *likelihoods(model)]
    heads = [*model.posterior_heads, *likelihoods(model), model.prior_head]
    if isinstance(model, HierarchicalVAE | LadderVAE):
        return [*model.encoders, *model.decoders, *model.conditional_heads, *heads]
    if isinstance(model, DRAW):
        heads += [part for part in (model.step_head, model.reader, model.writer) if part is not None]
    if isinstance(model, CVAE):
        heads.append(model.condition_network)
    if getattr(model, "latent_discriminator", None) is not None:
        heads.append(model.latent_discriminator)
    return [model.encoder, model.decoder, *heads]


def likelihoods(model):
    """Returns the likelihood of a model and the heads that it is made of."""
    return [model.likelihood_head, *getattr(model.likelihood_head, "heads", [])]


def codec(model):
    """Returns the networks of the autoencoder of a model that has one."""
    autoencoder = getattr(model, "autoencoder", None)
    return [] if autoencoder is None else [autoencoder.encoder, autoencoder.decoder]


def output_shape(model):
    """Returns the shape of what the model gives for one example when it is called."""
    return () if isinstance(model, GAN | NoiseContrastive) else model.event_shape


def first_layer(model):
    """Returns the network that sees the inputs."""
    if isinstance(model, GAN):
        return model.discriminator
    if isinstance(model, GMMN):
        return model.generator_network
    if isinstance(model, NoiseContrastive):
        return model.energy
    return model.network if isinstance(model, Regressor) else model.encoder


def computing(model):
    """Returns the layers that compute in half precision where the policy says so: the first and the last."""
    if isinstance(model, Autoencoder):
        return [model.encoder, model.decoder]
    if isinstance(model, NoiseContrastive):
        return [model.energy]
    last = model.generator_network if isinstance(model, ImplicitModel) else model.likelihood_head
    return [first_layer(model), last, *codec(model)]


def examples(model, count, seed=0):
    """Returns a batch that fits the model's likelihood."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, *model.event_shape)).astype(np.float32)
    if isinstance(model, ImplicitModel | NoiseContrastive):
        return x
    if isinstance(model, Autoencoder):
        return rng.uniform(size=x.shape).astype(np.float32)
    return scorable(model.likelihood_head, x, rng)


def scorable(head, x, rng):
    """Returns values that a likelihood can score, where any real number will do those of `x`."""
    if isinstance(head, Columns):
        parts = zip(head.heads, head.split(x), strict=True)
        return np.asarray(head.join([scorable(own, np.asarray(part), rng) for own, part in parts]))
    if head.levels is not None:
        return (rng.integers(head.levels, size=x.shape) / (head.levels - 1)).astype(np.float32)
    if head.value_kind == "counts":
        return rng.poisson(2.0, x.shape).astype(np.float32)
    if isinstance(head, ContinuousBernoulli):
        return rng.uniform(size=x.shape).astype(np.float32)
    if isinstance(head, OneHotCategorical):
        return np.eye(x.shape[-1], dtype=np.float32)[x.argmax(axis=-1)]
    return (x > 0).astype(np.float32) if isinstance(head, Bernoulli) else x


def given(model, x):
    """Returns the conditions that go with examples, by keyword; nothing for a model without."""
    if not isinstance(model, Conditional):
        return {}
    size = int(np.prod(model.condition_shape))
    mixing = np.random.default_rng(7).standard_normal((int(np.prod(x.shape[1:])), size)).astype(np.float32)
    condition = np.tanh(np.asarray(x).reshape(len(x), -1) @ mixing)
    return {"condition": x if model.visible is not None else condition.reshape(-1, *model.condition_shape)}


def data(model, x):
    """Returns examples as `fit` takes them: (x,) or (condition, x)."""
    return (*given(model, x).values(), x)


def inputs(model, x):
    """Returns what the model is called on: examples, their conditions or latents."""
    if isinstance(model, GMMN):
        return np.asarray(latents(model, x))
    return data(model, x)[0]


def latents(model, x):
    """Returns latents that go with examples, for a model without a posterior."""
    first = tf.reshape(x, [-1, np.prod(model.event_shape)])[:, :1]
    return tf.tanh(first) * tf.linspace(0.5, 1.0, model.latent_size)


def outputs(model, x):
    """Returns what the public methods make of `x`, as arrays by name."""
    if isinstance(model, ImplicitModel | Autoencoder | NoiseContrastive):
        found = deterministic(model, x)
        if isinstance(model, ImplicitModel):
            found["sample"] = model.sample(2, seed=4)
        return {name: np.asarray(value) for name, value in found.items()}
    conditions = given(model, x)
    figures = deterministic(model, x, **conditions) | {
        "sample": model.sample(2, seed=4, **conditions),
        "draw": model.sample(2, seed=4, mean=False, **conditions),
    }
    return {name: np.asarray(value) for name, value in figures.items()}


def deterministic(model, x, **conditions):
    """Returns what the methods that speak of examples make of them, as tensors by name."""
    if isinstance(model, GMMN):
        return {"call": model(latents(model, x)), "decode": model.decode(latents(model, x))}
    called = {"call": model(conditions.get("condition", x))}
    if isinstance(model, GAN):
        return called | {"decode": model.decode(latents(model, x))}
    if isinstance(model, NoiseContrastive):
        return called | {"log_prob": model.log_prob(x)}
    if isinstance(model, Autoencoder):
        z = model.encode(x)
        return called | {"encode": z, "decode": model.decode(z), "reconstruct": model.reconstruct(x)}
    unseen = model.unseen(x) if isinstance(model, Conditional) else x
    if isinstance(model, Regressor):
        return called | {
            "log_prob": model.log_prob(x, **conditions),
            "likelihood": model.likelihood(**conditions).log_prob(unseen),
        }
    z = model.encode(x, **conditions)
    prior, head = model.prior(**conditions), model.prior_head
    mean = prior.mean() if head.needs_features else head.mean(head.parameters())
    shape = (tf.shape(x)[0], *model.top_event_shape)
    return called | {
        "encode": z,
        "decode": model.decode(z, **conditions),
        "reconstruct": model.reconstruct(x, **conditions),
        "log_weights": model.log_weights(x, 3, seed=1, **conditions),
        "elbo": model.elbo(x, 2, seed=2, **conditions),
        "iwelbo": model.iwelbo(x, 3, seed=3, **conditions),
        "posterior": model.posterior(x, **conditions).log_prob(z),
        "prior": prior.log_prob(tf.broadcast_to(mean, shape)),
        "likelihood": model.likelihood(z, **conditions).log_prob(unseen),
    }


def assert_same(actual, expected, **tolerances):
    """Asserts that two results of `outputs` agree: to the bit, or within rtol and atol."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, err_msg=name, **{"rtol": 0, "atol": 0} | tolerances)
