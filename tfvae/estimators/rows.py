"""What the table of estimators says of one."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.estimators.options import Check, Option, check_nothing

NO_BIAS = "none"


@dataclass(frozen=True)
class Row:
    """What one estimator is, in words.

    Attributes:
        name: what `estimator=` and `--estimator` take.
        factory: "module:class" below `tfvae.estimators`.
        bound: the bound on log p(x) that it climbs and reports.
        latents: "continuous", "discrete" or "any".
        paper: where it comes from.
        bias: of its gradient, for that bound.
        multi_sample: whether the bound tightens with the number of samples K.
        resampled: whether the backward pass may run through m particles drawn from the model weights alone: these are
            probabilities, and the path and score weights vanish wherever they do.
        separate: whether the inference model has a gradient of its own, of another bound or biased, so that it may
            share no parameters with the generative model.
        total: whether its score weights are minus its path weights, so that log q enters through its derivative along
            the whole path from the noise alone.
        weighs_kl: whether a weight of log p(z) - log q(z|x) other than 1 leaves it a bound to climb: not where the
            encoder climbs another objective, or a score-function gradient would be scaled.
        half: whether its gradients fit into the range of float16: no path weight is far above the model weight.
        options: its options.
        check: raises a `UserError` for options in range that do not go together or do not fit K.
    """

    name: str
    factory: str
    bound: str
    latents: str
    paper: str
    bias: str = NO_BIAS
    multi_sample: bool = False
    resampled: bool = True
    separate: bool = False
    total: bool = False
    weighs_kl: bool = True
    half: bool = True
    options: tuple[Option, ...] = ()
    check: Check = check_nothing

    @property
    def cost(self) -> str:
        """Cost of a step relative to one with K = 1."""
        return "K, or K forward and m backward" if self.resampled else "K"
