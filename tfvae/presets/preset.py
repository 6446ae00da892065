"""What a preset says of a model and of its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfvae.presets.differences import DIFFERENCES
from tfvae.presets.heads import POSTERIORS, PRIORS

if TYPE_CHECKING:
    import keras

    from tfvae.presets.heads import Heads

ANY_SHAPE = (28, 28, 1)  # images of a preset that takes any, where no shape is given
ANY_VECTOR = (10,)  # and vectors
Build = Callable[["Preset", "Heads", dict[str, Any]], "keras.Model"]


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained unless told otherwise.

    Attributes:
        epochs: number of epochs.
        batch_size: number of examples in a batch.
        learning_rate: first learning rate of the optimiser, Adam.
        schedule: schedule of the learning rate: "constant", "cosine" or "burda".
        epsilon: Adam's epsilon, under a loss that is the mean over the batch.
        validation_size: number of training examples held out; None for a tenth.
        kl_warmup: share of the epochs over which the KL weight grows from 0 to 1.
        beta_1: Adam's decay of the mean of gradients.
        autoencoder: share of the epochs, the first ones, that train the autoencoder of a generator of codes.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epsilon: float = 1e-7
    validation_size: int | None = None
    kl_warmup: float = 0.0
    beta_1: float = 0.9
    autoencoder: float = 0.0


@dataclass(frozen=True)
class Preset:
    """An architecture and its recipe: a row in the file of its family, beside the family's `build`.

    Attributes:
        name: name that `--preset` and `create` take.
        summary: one line.
        build: function that makes the model: build(preset, heads, options), where `options` are further arguments of
            the model.
        image_shape: (H, W, C) of images, or (D,) of vectors; None where any will do.
        ranks: ranks of the examples that will do where any will: 3 for images, 1 for vectors; its usual one first.
        widths: units or filters of the encoder's hidden layers; the decoder's are the same in reverse.
        latent_size: units of the latent vector: of the lowest one where there are several, of each step's in DRAW.
        recipe: how it is trained.
        activation: activation of the hidden layers.
        batch_norm: whether hidden layers are batch-normalised.
        bias_from_data: whether the likelihood's bias starts at the mean image.
        estimator: name of the gradient estimator, or {"name": ..., option: ...}.
        num_samples: particles for each example.
        likelihood: name of a likelihood, one of `LIKELIHOODS`, or a head.
        likelihood_options: further arguments, (name, value), of the likelihood that the preset names; of no other.
        dataset: data set that it is trained on unless told otherwise.
        condition: what the images are conditioned on, one of `tfvae.presets.conditions.KINDS`.
        condition_shape: shape of a condition that is no part of the image; an integer, such as the number of classes of
            a label, stands for a vector.
        conditional: whether it can have a condition.
        latents: kind of its latents, "continuous" or "discrete"; None for a model without.
        posteriors: names of the posteriors that it takes, its default first.
        priors: names of the priors that it takes without a condition, its default first.
        shares_parameters: whether the inference model shares parameters with the generative model.
        compile_step: whether a training step is faster where XLA compiles it, measured on a CPU.
        compares: kind of the comparison that trains it, one of those of `tfvae.comparisons`, such as "critic"; None for
            a model with a likelihood, which has no use for one.
        options: further arguments, (name, value), of its model or its `build`; overrides of `create`.
    """

    name: str
    summary: str
    build: Build
    image_shape: tuple[int, ...] | None
    widths: tuple[int, ...]
    latent_size: int
    recipe: Recipe
    activation: str = "relu"
    batch_norm: bool = False
    bias_from_data: bool = True
    estimator: str | dict[str, Any] = "elbo"
    num_samples: int = 1
    likelihood: Any = "bernoulli"
    likelihood_options: tuple[tuple[str, Any], ...] = ()
    dataset: str = "digits"
    condition: str = "none"
    condition_shape: int | tuple[int, ...] = 10
    conditional: bool = False
    latents: str | None = "continuous"
    posteriors: tuple[str, ...] = tuple(POSTERIORS)
    priors: tuple[str, ...] = tuple(PRIORS)
    shares_parameters: bool = False
    compile_step: bool = True
    ranks: tuple[int, ...] = (3,)
    compares: str | None = None
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def deterministic(self) -> bool:
        """Whether it has no latent variables: a regressor, or a density."""
        return self.latents is None

    @property
    def draws(self) -> bool:
        """Whether its model makes examples: one that was learned as a density alone does not."""
        return self.compares != "densities"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the examples that its model is made for."""
        return self.image_shape or (ANY_SHAPE if self.ranks[0] == 3 else ANY_VECTOR)

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as in the paper that the summary names, a line each."""
        return DIFFERENCES.get(self.name, ())


BURDA = Recipe(epochs=3280, batch_size=20, schedule="burda", epsilon=5e-6, validation_size=400)
