"""From a preset to its model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, positive_int
from tfvae.presets import conditions
from tfvae.presets.checks import check_comparison, check_condition, check_heads, head_names
from tfvae.presets.heads import Heads, make_likelihood
from tfvae.presets.preset import Preset
from tfvae.presets.table import get

if TYPE_CHECKING:
    import keras

FIXED = (
    *("name", "recipe", "build", "latents", "posteriors", "priors", "shares_parameters", "conditional"),
    *("compares", "ranks"),
)


def create(name: str, **overrides: Any) -> keras.Model:
    """Makes a model from a preset; weights are drawn from Keras's global seed (`keras.utils.set_random_seed`).

    Args:
        name: name of the preset, one of `names`.
        **overrides: fields of `Preset` (`latent_size`, `widths`, `estimator`, `num_samples`, ...; `image_shape` is
            (28, 28, 1) where the preset takes any; `likelihood` is one of `LIKELIHOODS` or a head); `levels` of stored
            pixels, 256 unless given; `posterior` and `prior` (names of `head_names`, or heads); further arguments of
            the model (`seed`, `kl_warmup_steps`, `free_bits`, ...).

    Returns:
        model: a built `tfvae.VAE`, `tfvae.IWAE` where the estimator's bound tightens with the number of samples,
            `tfvae.HierarchicalVAE` or `tfvae.LadderVAE` for several layers, `tfvae.DRAW` for steps,
            `tfvae.DiscreteVAE` for a belief network, `tfvae.CVAE` or `tfvae.Regressor` where there is a condition,
            `tfvae.GAN` for a game.

    Raises:
        UserError: if the name is unknown or an override does not fit.

    Example:
        >>> model = create("digits", estimator="dreg", num_samples=5)
        >>> type(model).__name__, model.latent_size
        ('IWAE', 8)
    """
    preset = get(name)
    check_comparison(preset, overrides)
    fields = {key: overrides.pop(key) for key in list(overrides) if key in Preset.__dataclass_fields__}
    if refused := [key for key in fields if key in FIXED]:
        raise UserError("these fields of a preset cannot be overridden", received=", ".join(refused))
    condition = fields.pop("condition", preset.condition)
    if fields.get("likelihood", preset.likelihood) != preset.likelihood:
        fields["likelihood_options"] = ()
    preset = replace(preset, **fields)
    check_condition(preset, condition)
    preset = replace(preset, condition=condition)
    levels = overrides.pop("levels", 256)
    options = dict(preset.options) | overrides
    positive_int("latent_size", preset.latent_size)
    compares = preset.compares is not None
    likelihood = None if compares else make_likelihood(preset, _scored_shape(preset), levels)
    if preset.latents is not None and not compares:
        options |= {"estimator": preset.estimator, "num_samples": preset.num_samples}
    posterior, prior = (options.pop(kind, names[0]) for kind, names in head_names(preset).items())
    check_heads(preset, posterior, prior)
    model = preset.build(preset, Heads(likelihood, posterior, prior), options)
    model.build()
    return model


def _scored_shape(preset: Preset) -> tuple[int, ...]:
    """Returns the shape of what the likelihood scores: an image, or the vector of the pixels that are not visible."""
    visible = conditions.mask(preset.condition, preset.shape)
    return preset.shape if visible is None else (int((~visible).sum()),)
