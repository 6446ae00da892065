"""The heads that a preset can name, in one table, and the heads that it is built with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfvae.checks import one_of

if TYPE_CHECKING:
    from tfvae.distributions import LikelihoodHead, PosteriorHead, PriorHead
    from tfvae.presets.preset import Preset


PIXELS, REAL, COUNTS, POSITIVE = "grey pixels", "real numbers", "counts", "positive numbers"


@dataclass(frozen=True)
class HeadRow:
    """A head by name.

    Attributes:
        name: name on the command line and in `create`.
        head: class in `tfvae.distributions`.
        value_kind: kind of its values, see `tfvae.distributions.Head`.
        roles: "posterior", "prior", "conditional prior" (of a model with a condition),
            "generator prior" (of a generator without a likelihood) and "likelihood".
        options: further arguments, (name, value), of the class.
        scores: what a likelihood scores, in words.
    """

    name: str
    head: str
    value_kind: str
    roles: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()
    scores: str = PIXELS

    @property
    def any_real(self) -> bool:
        """Whether a likelihood scores any real number."""
        return self.scores == REAL

    @property
    def keeps_units(self) -> bool:
        """Whether a likelihood scores numbers in units of their own, which may not be shifted or scaled."""
        return self.scores in (COUNTS, POSITIVE)

    @property
    def takes_binary(self) -> bool:
        """Whether a likelihood scores pixels that were made black or white."""
        return self.value_kind == "binary" or self.any_real


TABLE = (
    HeadRow("diagonal", "DiagonalNormal", "continuous", ("posterior",)),
    HeadRow("full", "FullCovarianceNormal", "continuous", ("posterior",)),
    HeadRow("householder", "HouseholderNormal", "continuous", ("posterior",)),
    HeadRow("realnvp", "RealNVP", "continuous", ("posterior",)),
    HeadRow("iaf", "InverseAutoregressiveFlow", "continuous", ("posterior",)),
    HeadRow("standard", "StandardNormal", "continuous", ("prior",)),
    HeadRow("mixture", "MixturePrior", "continuous", ("prior",)),
    HeadRow("vamp", "VampPrior", "continuous", ("prior",)),
    HeadRow("realnvp", "RealNVPPrior", "continuous", ("prior",)),
    HeadRow("learned", "DiagonalNormal", "continuous", ("conditional prior",)),
    HeadRow("fixed", "StandardNormal", "continuous", ("conditional prior",)),
    HeadRow("uniform", "Uniform", "continuous", ("generator prior",)),
    HeadRow("bernoulli", "Bernoulli", "binary", ("likelihood",)),
    HeadRow("normal", "Normal", "continuous", ("likelihood",), (("scale", "learned"),), scores=REAL),
    HeadRow("normal-optimal", "Normal", "continuous", ("likelihood",), (("scale", "optimal"),), scores=REAL),
    HeadRow(
        "normal-each",
        "Normal",
        "continuous",
        ("likelihood",),
        (("scale", "each"), ("smallest_scale", 0.01)),
        scores=REAL,
    ),
    HeadRow("student-t", "StudentT", "continuous", ("likelihood",), scores=REAL),
    HeadRow("laplace", "Laplace", "continuous", ("likelihood",), scores=REAL),
    HeadRow("poisson", "Poisson", "counts", ("likelihood",), scores=COUNTS),
    HeadRow("negative-binomial", "NegativeBinomial", "counts", ("likelihood",), scores=COUNTS),
    HeadRow("zero-inflated-poisson", "ZeroInflatedPoisson", "counts", ("likelihood",), scores=COUNTS),
    HeadRow("log-normal", "LogNormal", "continuous", ("likelihood",), scores=POSITIVE),
    HeadRow("gamma", "Gamma", "continuous", ("likelihood",), scores=POSITIVE),
    HeadRow("continuous-bernoulli", "ContinuousBernoulli", "continuous", ("likelihood",)),
    HeadRow("discretized-logistic", "DiscretizedLogistic", "levels", ("likelihood",)),
    HeadRow("discretized-logistic-mixture", "DiscretizedLogisticMixture", "levels", ("likelihood",)),
    HeadRow("categorical", "CategoricalPixels", "levels", ("likelihood",)),
)


def by_name(role: str) -> dict[str, HeadRow]:
    """Returns the rows of a role by name, in the order of the table."""
    return {row.name: row for row in TABLE if role in row.roles}


LIKELIHOODS = by_name("likelihood")
POSTERIORS = by_name("posterior")
PRIORS = by_name("prior")
CONDITIONAL_PRIORS = by_name("conditional prior")
GENERATOR_PRIORS = by_name("generator prior")


@dataclass(frozen=True)
class Heads:
    """The heads that a model is built with.

    Attributes:
        likelihood: head of p(x|z); None where samples are compared.
        posterior: name of a posterior, or a head.
        prior: name of a prior, or a head.
    """

    likelihood: Any
    posterior: Any
    prior: Any

    def make_posterior(self, preset: Preset) -> PosteriorHead:
        """Returns the posterior of the preset's latent vector."""
        return self._of_latents("posterior", self.posterior, POSTERIORS, preset)

    def make_prior(self, preset: Preset) -> PriorHead | PosteriorHead:
        """Returns the prior of the preset's latent vector."""
        return self._of_latents("prior", self.prior, PRIORS | CONDITIONAL_PRIORS | GENERATOR_PRIORS, preset)

    @staticmethod
    def _of_latents(kind: str, choice: Any, table: dict[str, HeadRow], preset: Preset) -> Any:
        from tfvae import distributions

        if not isinstance(choice, str):
            return choice
        row = table[one_of(kind, choice, table)]
        shapes = (preset.latent_size, preset.shape) if choice == "vamp" else (preset.latent_size,)
        return getattr(distributions, row.head)(*shapes, name=kind, **dict(row.options))


def make_likelihood(preset: Preset, event_shape: tuple[int, ...], levels: int) -> LikelihoodHead:
    """Returns the likelihood of examples of this shape, over so many levels where it is one of levels."""
    from tfvae import distributions

    if not isinstance(preset.likelihood, str):
        return preset.likelihood
    row = LIKELIHOODS[one_of("likelihood", preset.likelihood, LIKELIHOODS)]
    options = {"levels": levels} if row.value_kind == "levels" else dict(row.options)
    options |= dict(preset.likelihood_options)
    return getattr(distributions, row.head)(event_shape, name="likelihood", **options)
