"""Named, published architectures with their training recipes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tfvae import conditions
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
        condition_size: numbers in a condition that is no part of the image: classes of a label, units of a vector.
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
    condition_size: int = 10
    deterministic: bool = False
    compile_step: bool = True
    options: tuple[tuple[str, Any], ...] = ()

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


def create(name: str, **overrides: Any):
    """Makes a model from a preset; weights are drawn from Keras's global seed (`keras.utils.set_random_seed`).

    Args:
        name: of the preset.
        **overrides: fields of `Preset` (`latent_size`, `widths`, `estimator`, `num_samples`, ...; `image_shape` is
            (28, 28, 1) where the preset takes any; `likelihood` is one of `LIKELIHOODS` or a head); `levels` of stored
            pixels, 256 unless given; `posterior` and `prior` (names in `POSTERIORS` and `PRIORS`, or heads); what the
            model takes besides (`seed`, `kl_warmup_steps`, `free_bits`, ...).

    Returns:
        model: a built `tfvae.VAE`, `tfvae.IWAE` where the estimator's bound tightens with the number of samples,
            `tfvae.HierarchicalVAE` or `tfvae.LadderVAE` for several layers, `tfvae.DRAW` for steps,
            `tfvae.DiscreteVAE` for a belief network, `tfvae.CVAE` or `tfvae.Regressor` where there is a condition.

    Raises:
        UserError: if the name is unknown or an override does not fit.
    """
    preset = get(name)
    fields = {key: overrides.pop(key) for key in list(overrides) if key in Preset.__dataclass_fields__}
    if "name" in fields or "recipe" in fields:
        raise UserError("a preset's name and recipe cannot be overridden", received=sorted(fields))
    condition = fields.pop("condition", preset.condition)
    preset = replace(preset, **fields)
    check_condition(preset, condition)
    preset = replace(preset, condition=condition)
    levels = overrides.pop("levels", 256)
    overrides = dict(preset.options) | overrides
    if preset.image_shape is None:
        preset = replace(preset, image_shape=ANY_SHAPE)
    return _assemble(preset, levels, overrides)


def _assemble(preset: Preset, levels: int, options: dict[str, Any]):
    from tfvae import estimators, models

    one_of("network", preset.network, ("mlp", "conv", "draw", "ladder", "sbn"))
    positive_int("latent_size", preset.latent_size)
    given = conditions.mask(preset.condition, preset.image_shape)
    event_shape = preset.image_shape if given is None else (int((~given).sum()),)
    options["likelihood"] = _likelihood(preset, event_shape, levels)
    if not preset.deterministic:
        options |= {"estimator": preset.estimator, "num_samples": preset.num_samples}
    posterior, prior = options.pop("posterior", "diagonal"), options.pop("prior", "standard")
    check_heads(preset, posterior, prior)
    if preset.deterministic:
        model = _regressor(preset, given, options)
    elif preset.condition != "none":
        model = _conditional(preset, given, posterior, prior, options)
    elif preset.network == "sbn":
        model = _belief_network([preset.latent_size, *preset.widths[1:]], options)
    elif preset.network == "draw":
        model = _draw(preset, options)
    elif preset.upper:
        model = _hierarchy(preset, options)
    else:
        name = estimators.get(preset.estimator).name
        model_class = models.IWAE if catalog.row(name).multi_sample else models.VAE
        model = model_class(
            *_networks(preset),
            posterior=_head("posterior", POSTERIORS, posterior, preset),
            prior=_head("prior", PRIORS, prior, preset),
            **options,
        )
    model.build()
    return model


def check_heads(preset: Preset, posterior: Any, prior: Any) -> None:
    """Checks the names of a posterior and a prior; heads in their place are left to the model.

    Raises:
        UserError: if a name is unknown, or one other than the default meets a preset that has its own; for a
            VampPrior, whose pseudo-inputs are pixels, in a preset of vectors.
    """
    both = ("posterior", "prior")
    own: tuple[str, ...] = ()
    what = ""
    if preset.deterministic:
        own, what = both, "which has no latent variables"
    elif preset.latents == "discrete":
        own, what = both, "whose latents are discrete"
    elif preset.upper or preset.network == "draw":
        own, what = both, "whose latents come in layers or steps"
    elif preset.condition != "none":
        own, what = ("prior",) if isinstance(prior, str) else (), "which learns its prior from the condition"
    for kind, name, table in (("posterior", posterior, POSTERIORS), ("prior", prior, PRIORS)):
        if isinstance(name, str):
            one_of(kind, name, table)
        if kind in own and name != next(iter(table)):
            raise UserError(
                f"preset {preset.name}, {what}, takes no other {kind}", expected=f"no {kind}", received=name
            )
    if prior == "vamp" and len(preset.image_shape or ANY_SHAPE) == 1:
        raise UserError(
            f"preset {preset.name} is one of vectors",
            expected="a prior without pseudo-inputs, which are images in [0, 1]",
            received=prior,
            fix="choose another --prior, or a VampPrior with a value_range as a head",
        )


def _head(kind: str, table: dict[str, str], choice: Any, preset: Preset):
    from tfvae import distributions

    if not isinstance(choice, str):
        return choice
    head = getattr(distributions, table[one_of(kind, choice, table)])
    shapes = (preset.latent_size, preset.image_shape) if choice == "vamp" else (preset.latent_size,)
    return head(*shapes, name=kind)


def _likelihood(preset: Preset, event_shape: tuple[int, ...], levels: int):
    from tfvae import distributions

    likelihood = preset.likelihood
    if not isinstance(likelihood, str):
        return likelihood
    one_of("likelihood", likelihood, LIKELIHOODS)
    head, options = {
        "bernoulli": (distributions.Bernoulli, {}),
        "normal": (distributions.Normal, {"scale": "learned"}),
        "normal-optimal": (distributions.Normal, {"scale": "optimal"}),
        "continuous-bernoulli": (distributions.ContinuousBernoulli, {}),
        "discretized-logistic": (distributions.DiscretizedLogistic, {"levels": levels}),
        "discretized-logistic-mixture": (distributions.DiscretizedLogisticMixture, {"levels": levels}),
        "categorical": (distributions.CategoricalPixels, {"levels": levels}),
    }[likelihood]
    if likelihood == get(preset.name).likelihood:
        options |= dict(preset.likelihood_options)
    return head(event_shape, name="likelihood", **options)


def _networks(preset: Preset):
    from tfvae import networks

    widths, reverse = list(preset.widths), list(preset.widths)[::-1]
    if preset.network != "conv":
        options = (preset.activation, preset.batch_norm)
        return networks.MLP(widths, *options, name="encoder"), networks.MLP(reverse, *options, name="decoder")
    encoder = networks.ConvEncoder(widths, activation=preset.activation, name="encoder")
    return encoder, networks.ConvDecoder(
        preset.image_shape, reverse, activation=preset.activation, name="decoder"
    )


def check_condition(preset: Preset, condition: str) -> None:
    """Raises a `UserError` if the preset cannot be conditioned on this, one of `tfvae.conditions.KINDS`."""
    one_of("condition", condition, conditions.KINDS)
    if condition == "none" and preset.condition != "none":
        raise UserError(
            f"preset {preset.name} needs a condition",
            expected=", ".join(conditions.KINDS[1:]),
            received=condition,
        )
    vectors = len(preset.image_shape or ANY_SHAPE) == 1
    if condition != "none" and (preset.network != "mlp" or preset.upper or vectors):
        raise UserError(
            f"preset {preset.name} takes no condition",
            expected="a preset of images, fully connected layers and one layer of latents, such as cvae-column",
            received=condition,
        )


def _conditioned(preset: Preset, given: Any) -> dict[str, Any]:
    return {
        "condition_shape": preset.condition_size if given is None else preset.image_shape,
        "given": given,
    }


def _regressor(preset: Preset, given: Any, options: dict[str, Any]):
    from tfvae import models, networks

    widths = list(preset.widths)
    network = networks.MLP(widths + widths[::-1], preset.activation, preset.batch_norm, name="network")
    return models.Regressor(network, **_conditioned(preset, given), **options)


def _conditional(preset: Preset, given: Any, posterior: Any, prior: Any, options: dict[str, Any]):
    from tfvae import distributions, models, networks

    learned = distributions.DiagonalNormal(preset.latent_size, name="prior")
    return models.CVAE(
        *_networks(preset),
        condition_network=networks.MLP(
            list(preset.widths), preset.activation, preset.batch_norm, name="condition_network"
        ),
        posterior=_head("posterior", POSTERIORS, posterior, preset),
        prior=learned if isinstance(prior, str) else prior,
        **_conditioned(preset, given),
        **options,
    )


def _hierarchy(preset: Preset, options: dict[str, Any]):
    from tfvae import distributions, models

    layers = [(preset.widths, preset.latent_size), *preset.upper]
    networks = [_networks(replace(preset, widths=tuple(widths))) for widths, _ in layers]
    units = [positive_int("units of a stochastic layer", count) for _, count in layers]
    model_class = models.LadderVAE if preset.network == "ladder" else models.HierarchicalVAE
    return model_class(
        [encoder for encoder, _ in networks],
        [decoder for _, decoder in networks],
        posteriors=[distributions.DiagonalNormal(count) for count in units],
        conditionals=[distributions.DiagonalNormal(count) for count in units[:-1]],
        **options,
    )


def _draw(preset: Preset, options: dict[str, Any]):
    from tfvae import models

    head = options["likelihood"]
    if "linear" in head.get_config():
        options["likelihood"] = type(head).from_config(head.get_config() | {"linear": False})
    if len(preset.widths) != 1:
        raise UserError("DRAW takes one width, of both its networks", received=preset.widths)
    (units,) = preset.widths
    return models.DRAW(step_latent_size=preset.latent_size, units=units, **options)


def _belief_network(units: list[int], options: dict[str, Any]):
    from keras.layers import Identity

    from tfvae import distributions, models

    return models.DiscreteVAE(
        [Identity() for _ in units],
        [Identity() for _ in units],
        posteriors=[distributions.Bernoulli(count) for count in units],
        **options,
    )
