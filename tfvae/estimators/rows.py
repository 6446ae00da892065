"""The row type of the table of estimators."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.estimators.options import Check, Option, check_nothing

NO_BIAS = "none"


@dataclass(frozen=True)
class Row:
    """Facts about one estimator, read without TensorFlow.

    Attributes:
        name: value of `estimator=` and `--estimator`.
        factory: "module:class" below `tfvae.estimators`.
        bound: formula of the bound on log p(x) that it ascends and reports.
        latents: kind of latents it trains: "continuous", "discrete" or "any".
        paper: authors and year of its paper.
        bias: part of its gradient that is biased for that bound; "none" if it is unbiased.
        multi_sample: True if the bound tightens with the number of samples K.
        can_resample: True if the backward pass may run on m particles drawn with the model weights as probabilities.
            The path and score weights must then be 0 wherever the model weight is.
        separate_encoder: True if the encoder ascends another objective than the model, or a biased gradient. It may
            then share no parameters with the generative model.
        needs_path_density: True if the density of q along the sampling path is all it needs. Score weights are then
            minus the path weights: log q is differentiated along the path, and no separate score term is computed.
        weighs_kl: True if it ascends a bound for any weight of log p(z) - log q(z|x). Not where the encoder ascends
            another objective, or where the weight would scale a score-function gradient.
        fits_float16: True if its gradients stay in the range of float16: no path weight far exceeds the model weight.
        options: options of the estimator.
        check: function that raises a `UserError` for options that do not fit each other or K.
    """

    name: str
    factory: str
    bound: str
    latents: str
    paper: str
    bias: str = NO_BIAS
    multi_sample: bool = False
    can_resample: bool = True
    separate_encoder: bool = False
    needs_path_density: bool = False
    weighs_kl: bool = True
    fits_float16: bool = True
    options: tuple[Option, ...] = ()
    check: Check = check_nothing

    @property
    def cost(self) -> str:
        """Cost of a step in steps with K = 1."""
        return "K, or K forward and m backward" if self.can_resample else "K"
