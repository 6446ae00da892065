"""From a preset to its model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tfvae import conditions
from tfvae.checks import UserError, one_of, positive_int
from tfvae.estimators import catalog
from tfvae.presets.checks import check_condition, check_heads, head_names
from tfvae.presets.table import ANY_SHAPE, LIKELIHOODS, POSTERIORS, PRIORS, Preset, get


def create(name: str, **overrides: Any):
    """Makes a model from a preset; weights are drawn from Keras's global seed (`keras.utils.set_random_seed`).

    Args:
        name: of the preset.
        **overrides: fields of `Preset` (`latent_size`, `widths`, `estimator`, `num_samples`, ...; `image_shape` is
            (28, 28, 1) where the preset takes any; `likelihood` is one of `LIKELIHOODS` or a head); `levels` of stored
            pixels, 256 unless given; `posterior` and `prior` (names of `head_names`, or heads); what the model takes
            besides (`seed`, `kl_warmup_steps`, `free_bits`, ...).

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
    posterior, prior = (options.pop(kind, names[0]) for kind, names in head_names(preset).items())
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


def _conditioned(preset: Preset, given: Any) -> dict[str, Any]:
    return {
        "condition_shape": preset.condition_shape if given is None else preset.image_shape,
        "given": given,
    }


def _regressor(preset: Preset, given: Any, options: dict[str, Any]):
    from tfvae import models, networks

    widths = list(preset.widths)
    network = networks.MLP(widths + widths[::-1], preset.activation, preset.batch_norm, name="network")
    return models.Regressor(network, **_conditioned(preset, given), **options)


def _conditional(preset: Preset, given: Any, posterior: Any, prior: Any, options: dict[str, Any]):
    from tfvae import distributions, models, networks

    if isinstance(prior, str):
        head = distributions.DiagonalNormal if prior == "learned" else distributions.StandardNormal
        prior = head(preset.latent_size, name="prior")
    return models.CVAE(
        *_networks(preset),
        condition_network=networks.MLP(
            list(preset.widths), preset.activation, preset.batch_norm, name="condition_network"
        ),
        posterior=_head("posterior", POSTERIORS, posterior, preset),
        prior=prior,
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
