"""The table of presets: published architectures and their recipes, and what they may be built with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfvae.checks import UserError, one_of
from tfvae.presets.differences import DIFFERENCES


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained unless told otherwise.

    Attributes:
        epochs, batch_size, learning_rate: of the optimiser, Adam.
        schedule: of the learning rate: "constant", "cosine" or "burda".
        epsilon: Adam's, under a loss that is the mean over the batch.
        validation_size: training examples held out; None for a tenth.
        kl_warmup: share of the epochs over which the KL weight grows from 0 to 1.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epsilon: float = 1e-7
    validation_size: int | None = None
    kl_warmup: float = 0.0


@dataclass(frozen=True)
class Preset:
    """An architecture and its recipe.

    Attributes:
        name: what `--preset` and `create` take.
        summary: one line.
        image_shape: (H, W, C) of the data, or (D,) where they are vectors; None where any images will do.
        network: "mlp", "conv", "ladder", which is "mlp" with inference from the top down, "draw", which is recurrent,
            or "sbn", a sigmoid belief network.
        widths: units or filters of the encoder's hidden layers, the decoder's are the same in reverse; units of the
            stochastic layers of a belief network, units of both recurrent networks.
        latent_size: units of the latent vector, the one next to the data where there are several layers, that of each
            step where there are steps.
        recipe: how it is trained.
        upper: (widths, units) of each further stochastic layer, from the bottom up: the hidden layers of its encoder
            and the units of its latent vector; the decoder's hidden layers are the same in reverse.
        activation: of the hidden layers.
        batch_norm: whether hidden layers are batch-normalised.
        bias_from_data: whether the likelihood's bias starts at the mean image.
        estimator, num_samples: of the bound.
        likelihood: one of `LIKELIHOODS`, or a head.
        likelihood_options: further arguments, name to value, of the likelihood that the preset names; of no other.
        dataset: what it is trained on unless told otherwise.
        condition: what the images are conditioned on, one of `tfvae.conditions.KINDS`.
        condition_shape: of a condition that is no part of the image; an integer, such as the classes of a label, stands
            for a vector.
        deterministic: whether it is a regressor of the same layers, without latent variables.
        compile_step: whether a training step is faster where XLA compiles it, measured on a CPU.
        options: what its model alone takes, name to default; overrides of `create`.
    """

    name: str
    summary: str
    image_shape: tuple[int, ...] | None
    network: str
    widths: tuple[int, ...]
    latent_size: int
    recipe: Recipe
    upper: tuple[tuple[tuple[int, ...], int], ...] = ()
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
    deterministic: bool = False
    compile_step: bool = True
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as in the paper that the summary names, a line each."""
        return DIFFERENCES.get(self.name, ())

    @property
    def shares_parameters(self) -> bool:
        """Whether the inference model shares parameters with the generative model."""
        return self.network in ("draw", "ladder")

    @property
    def latents(self) -> str:
        """Kind of its latents: "continuous" or "discrete"."""
        return "discrete" if self.network == "sbn" else "continuous"


BURDA = Recipe(epochs=3280, batch_size=20, schedule="burda", epsilon=5e-6, validation_size=400)

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
        compile_step=False,
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
        BURDA,
        activation="tanh",
    ),
    Preset(
        "burda-2layer",
        "784-200-200-100-100-100-50 of Burda et al. 2016, latents of 100 and 50 units, inferred from the bottom up",
        (28, 28, 1),
        "mlp",
        (200, 200),
        100,
        BURDA,
        upper=(((100, 100), 50),),
        activation="tanh",
    ),
    Preset(
        "ladder-2layer",
        "the generative model of burda-2layer, inferred from the top down (Sonderby et al. 2016)",
        (28, 28, 1),
        "ladder",
        (200, 200),
        100,
        BURDA,
        upper=(((100, 100), 50),),
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
        compile_step=False,
    ),
    Preset(
        "draw",
        "DRAW with attention, 2x2 read and 5x5 write windows of Gregor et al. 2015, but 10 steps instead of 64",
        None,
        "draw",
        (256,),
        100,
        Recipe(epochs=10, batch_size=100, learning_rate=1e-3, schedule="cosine"),
        options=(("steps", 10), ("read_window", 2), ("write_window", 5)),
        compile_step=False,
    ),
    Preset(
        "sbn-200-200-200",
        "sigmoid belief network of Mnih & Rezende 2016: three layers of 200 Bernoulli units, no hidden layers",
        (28, 28, 1),
        "sbn",
        (200, 200, 200),
        200,
        Recipe(epochs=100, batch_size=100, learning_rate=1e-3),
        estimator="vimco",
        num_samples=5,
    ),
    Preset(
        "ring",
        "points of the plane on a ring: two hidden layers of 64, 2 latent units, a Normal likelihood",
        (2,),
        "mlp",
        (64, 64),
        2,
        Recipe(epochs=40, batch_size=100, learning_rate=3e-3, schedule="cosine"),
        estimator="dreg",
        num_samples=10,
        likelihood="normal",
        likelihood_options=(("initial_scale", 0.3),),
        dataset="ring",
    ),
    *(
        Preset(
            f"{model}-{condition}",
            f"{summary} the {where} of an image: "
            + (
                "hidden layers of 200, without latents"
                if model == "regressor"
                else "two hidden layers of 200, 50 latent units"
            ),
            None,
            "mlp",
            (200, 200),
            50,
            Recipe(
                epochs=30, batch_size=100, schedule="cosine", kl_warmup=0.0 if model == "regressor" else 1 / 3
            ),
            condition=condition,
            deterministic=model == "regressor",
        )
        for model, summary in (
            ("cvae", "conditional VAE: the rest given"),
            ("regressor", "its baseline: the mean of the rest given"),
        )
        for condition, where in (("column", "centre column"), ("quadrant", "lower left quadrant"))
    ),
)


LIKELIHOODS = {
    "bernoulli": "binary",
    "normal": "real",
    "normal-optimal": "real",
    "continuous-bernoulli": "grey",
    "discretized-logistic": "levels",
    "discretized-logistic-mixture": "levels",
    "categorical": "levels",
}  # name: the values that it speaks of
POSTERIORS = {  # name: head
    "diagonal": "DiagonalNormal",
    "full": "FullCovarianceNormal",
    "householder": "HouseholderNormal",
    "realnvp": "RealNVP",
    "iaf": "InverseAutoregressiveFlow",
}
PRIORS = {
    "standard": "StandardNormal",
    "mixture": "MixturePrior",
    "vamp": "VampPrior",
    "realnvp": "RealNVPPrior",
}
ANY_SHAPE = (28, 28, 1)  # of a preset that takes any image shape, where none is given


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
    any_images = (None,) if len(shape) == 3 else ()
    if preset.image_shape not in (*any_images, tuple(shape)):
        fitting = [other.name for other in TABLE if other.image_shape in (*any_images, tuple(shape))]
        raise UserError(
            f"the images do not fit preset {preset.name}",
            expected=f"shape {preset.image_shape or '(H, W, C)'}",
            received=tuple(shape),
            fix=f"choose another data set, or a preset that fits: {', '.join(fitting)}",
        )
