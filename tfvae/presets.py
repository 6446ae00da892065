"""Named, published architectures with their training recipes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tfvae.checks import UserError, one_of, positive_int
from tfvae.estimators import catalog


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained unless told otherwise.

    Attributes:
        epochs, batch_size, learning_rate: of the optimiser, Adam.
        schedule: of the learning rate: "constant", "cosine" or "burda".
        epsilon: Adam's, under a loss that is the mean over the batch.
        validation_size: training examples held out; None for a tenth.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epsilon: float = 1e-7
    validation_size: int | None = None


@dataclass(frozen=True)
class Preset:
    """An architecture and its recipe.

    Attributes:
        name: what `--preset` and `create` take.
        summary: one line.
        image_shape: (H, W, C) of the data; None where any will do.
        network: "mlp" or "conv".
        widths: units or filters of the encoder's hidden layers; the decoder's are the same in reverse.
        latent_size: units of the latent vector.
        recipe: how it is trained.
        activation: of the hidden layers.
        batch_norm: whether hidden layers are batch-normalised.
        bias_from_data: whether the likelihood's bias starts at the mean image.
        estimator, num_samples: of the bound.
    """

    name: str
    summary: str
    image_shape: tuple[int, int, int] | None
    network: str
    widths: tuple[int, ...]
    latent_size: int
    recipe: Recipe
    activation: str = "relu"
    batch_norm: bool = False
    bias_from_data: bool = True
    estimator: str = "elbo"
    num_samples: int = 1


TABLE = (
    Preset(
        "digits",
        "8x8 digits: two hidden layers of 128, 8 latent units",
        (8, 8, 1),
        "mlp",
        (128, 128),
        8,
        Recipe(epochs=200, batch_size=100, learning_rate=2e-3, schedule="cosine"),
        activation="tanh",
    ),
    Preset(
        "tutorial-400-20",
        "the common first VAE, 784-400-20 (Kingma & Welling 2014, with 20 units)",
        (28, 28, 1),
        "mlp",
        (400,),
        20,
        Recipe(epochs=10, batch_size=128),
        bias_from_data=False,
    ),
    Preset(
        "burda-1layer",
        "784-200-200-50 of Burda et al. 2016, its initialisation and schedule",
        (28, 28, 1),
        "mlp",
        (200, 200),
        50,
        Recipe(epochs=3280, batch_size=20, schedule="burda", epsilon=5e-6, validation_size=400),
        activation="tanh",
    ),
    Preset(
        "conv",
        "two strided convolutions down, two transposed ones up, 32 latent units; images of any size divisible by 4",
        None,
        "conv",
        (32, 64),
        32,
        Recipe(epochs=20, batch_size=100, schedule="cosine"),
    ),
)


def names() -> list[str]:
    """Returns the names of all presets."""
    return [preset.name for preset in TABLE]


def get(name: str) -> Preset:
    """Returns the preset `name`.

    Raises:
        UserError: if there is none.
    """
    one_of("preset", name, names())
    return next(preset for preset in TABLE if preset.name == name)


def check_image_shape(preset: Preset, shape: tuple[int, ...]) -> None:
    """Raises a `UserError` that names the presets which would fit, if images of this shape do not fit `preset`."""
    if preset.image_shape not in (None, tuple(shape)):
        fitting = [other.name for other in TABLE if other.image_shape in (None, tuple(shape))]
        raise UserError(
            f"the images do not fit preset {preset.name}",
            expected=f"shape {preset.image_shape}",
            received=tuple(shape),
            fix=f"choose another data set, or a preset that fits: {', '.join(fitting)}",
        )


def create(name: str, **overrides: Any):
    """Makes a model from a preset; weights are drawn from Keras's global seed (`keras.utils.set_random_seed`).

    Args:
        name: of the preset.
        **overrides: fields of `Preset` (`latent_size`, `widths`, `estimator`, `num_samples`, `image_shape`, ...),
            `likelihood` ("bernoulli", "normal" with a learned scale, or a head), and what the model takes besides
            (`seed`, `kl_warmup_steps`, `free_bits`, ...).

    Returns:
        model: a built `tfvae.VAE`, or `tfvae.IWAE` where the estimator's bound tightens with the number of samples.

    Raises:
        UserError: if the name is unknown or an override does not fit.
    """
    preset = get(name)
    fields = {key: overrides.pop(key) for key in list(overrides) if key in Preset.__dataclass_fields__}
    if "name" in fields or "recipe" in fields:
        raise UserError("a preset's name and recipe cannot be overridden", received=sorted(fields))
    preset = replace(preset, **fields)
    likelihood = overrides.pop("likelihood", "bernoulli")
    if preset.image_shape is None:
        raise UserError(f"preset {name} needs image_shape", expected="create(..., image_shape=(H, W, C))")
    return _assemble(preset, likelihood, overrides)


def _assemble(preset: Preset, likelihood: Any, options: dict[str, Any]):
    from tfvae import distributions, models, networks

    shape = preset.image_shape
    widths, reverse = list(preset.widths), list(preset.widths)[::-1]
    if one_of("network", preset.network, ("mlp", "conv")) == "mlp":
        encoder = networks.MLP(widths, preset.activation, preset.batch_norm, name="encoder")
        decoder = networks.MLP(reverse, preset.activation, preset.batch_norm, name="decoder")
    else:
        encoder = networks.ConvEncoder(widths, activation=preset.activation, name="encoder")
        decoder = networks.ConvDecoder(shape, reverse, activation=preset.activation, name="decoder")
    if isinstance(likelihood, str):
        one_of("likelihood", likelihood, LIKELIHOODS)
        likelihood = (
            distributions.Bernoulli(shape, name="likelihood")
            if likelihood == "bernoulli"
            else distributions.Normal(shape, scale="learned", name="likelihood")
        )
    name = preset.estimator if isinstance(preset.estimator, str) else "elbo"
    model_class = models.IWAE if catalog.row(name).multi_sample else models.VAE
    model = model_class(
        encoder,
        decoder,
        posterior=distributions.DiagonalNormal(
            positive_int("latent_size", preset.latent_size), name="posterior"
        ),
        likelihood=likelihood,
        prior=distributions.StandardNormal(preset.latent_size, name="prior"),
        estimator=preset.estimator,
        num_samples=preset.num_samples,
        **options,
    )
    model.build()
    return model


LIKELIHOODS = ("bernoulli", "normal")
