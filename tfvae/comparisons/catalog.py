"""The table of comparisons. Reading it imports no TensorFlow."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tfvae.checks import UserError, one_of

if TYPE_CHECKING:
    from tfvae.comparisons.base import Comparison

CRITIC, SETS, DENSITIES, CODES = "critic", "sets", "densities", "codes"


@dataclass(frozen=True)
class Latent:
    """What a comparison is in latent space, between the codes of a batch and the prior.

    Attributes:
        model: what a VAE with it is called.
        paper: where that comes from.
        weight: default of `latent_weight`.
        options: options of the comparison, (name, value), whose defaults are others there.
    """

    model: str
    paper: str
    weight: float
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Row:
    """What one comparison is, in words.

    Attributes:
        name: what `cost=` takes.
        factory: "module:class" below `tfvae.comparisons`.
        compares: "critic" if it compares a critic's outputs, "sets" if it compares two sets of points, "densities" if
            it compares a model's log-density with that of a noise distribution, "codes" if it compares codes of one
            batch with each other.
        moves: weight of each sample's path gradient, or what stands in its place.
        paper: where it comes from.
        latent: what it is in latent space; None where it has no use there.
    """

    name: str
    factory: str
    compares: str
    moves: str
    paper: str
    latent: Latent | None = None


TABLE = (
    Row("minimax", "adversarial:Minimax", CRITIC, "-1/2 sigmoid(a)", "Goodfellow et al. 2014"),
    Row(
        "non-saturating",
        "adversarial:NonSaturating",
        CRITIC,
        "-1/2 sigmoid(-a)",
        "Goodfellow et al. 2014",
        Latent("adversarial autoencoder", "Makhzani et al. 2016", 10.0),
    ),
    Row("maximum-likelihood", "adversarial:MaximumLikelihood", CRITIC, "-1/2 exp(a)", "Goodfellow 2016"),
    Row("hinge", "adversarial:Hinge", CRITIC, "-1", "Lim & Ye 2017"),
    Row("wasserstein", "adversarial:Wasserstein", CRITIC, "-1", "Arjovsky et al. 2017"),
    Row(
        "mmd",
        "moments:MeanDiscrepancy",
        SETS,
        "gradient of MMD",
        "Gretton et al. 2012",
        Latent("InfoVAE, WAE-MMD", "Zhao et al. 2019", 100.0, (("root", False),)),
    ),
    Row("noise-contrastive", "contrastive:NoiseContrastive", DENSITIES, "none", "Gutmann & Hyvarinen 2010"),
    Row(
        "total-correlation",
        "correlation:TotalCorrelation",
        CODES,
        "gradient of TC",
        "Chen et al. 2018",
        Latent("beta-TC-VAE", "Chen et al. 2018", 5.0),
    ),
    Row(
        "factor",
        "factor:Factor",
        CODES,
        "-1",
        "Kim & Mnih 2018",
        Latent("FactorVAE", "Kim & Mnih 2018", 10.0),
    ),
)


def names(compares: str | None = None) -> list[str]:
    """Returns the names of all comparisons, or of those of one kind.

    Args:
        compares: "critic", "sets", "densities" or "codes"; None for all.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.names("sets")
        ['mmd']
    """
    return [each.name for each in TABLE if compares in (None, each.compares)]


def row(name: str, compares: str | None = None) -> Row:
    """Returns the row of the table for `name`.

    Raises:
        UserError: if there is none, or none of that kind.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.row("minimax").moves
        '-1/2 sigmoid(a)'
    """
    one_of("cost" if compares == CRITIC else "comparison", name, names(compares))
    return next(each for each in TABLE if each.name == name)


def latent_names() -> list[str]:
    """Returns the names of the comparisons that `latent_comparison` of a VAE takes.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.latent_names()[0]
        'non-saturating'
    """
    return [each.name for each in TABLE if each.latent is not None]


def latent(name: str) -> Latent:
    """Returns what a comparison is in latent space.

    Raises:
        UserError: if there is none of that name, or it has no use there.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.latent("mmd").model
        'InfoVAE, WAE-MMD'
    """
    one_of("latent_comparison", name, latent_names())
    return cast(Latent, row(name).latent)


def get_latent(spec: str | dict[str, Any]) -> Comparison:
    """Returns a comparison for latent space, with the defaults that its options have there.

    Args:
        spec: a name, or {"name": name, option: value, ...}.

    Raises:
        UserError: if the name or an option is unknown, or an option is out of range.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.get_latent("mmd").root, comparisons.get("mmd").root
        (False, True)
    """
    options = dict(spec) if isinstance(spec, dict) else {"name": spec}
    return get(dict(latent(options.get("name", "")).options) | options)


def get(spec: str | dict[str, Any], compares: str | None = None) -> Comparison:
    """Returns a comparison.

    Args:
        spec: a name, or {"name": name, option: value, ...}.
        compares: kind that it must be of; None for any.

    Raises:
        UserError: if the name or an option is unknown, or an option is out of range.

    Example:
        >>> from tfvae import comparisons
        >>> comparisons.get({"name": "mmd", "bandwidths": (1.0,)}).get_config()
        {'name': 'mmd', 'bandwidths': (1.0,), 'unbiased': False, 'root': True}
    """
    options = dict(spec) if isinstance(spec, dict) else {"name": spec}
    chosen = row(options.pop("name", ""), compares)
    module, _, factory = chosen.factory.partition(":")
    cls = getattr(importlib.import_module(f"tfvae.comparisons.{module}"), factory)
    known = [field.name for field in dataclasses.fields(cls)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UserError(
            f"comparison {chosen.name} has no option {', '.join(unknown)}",
            expected=", ".join(known) or "no options",
        )
    return cls(**options)
