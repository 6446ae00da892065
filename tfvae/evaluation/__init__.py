"""Honest evaluation: log p(x) with its error, and what the latent variables do."""

from tfvae.evaluation.activity import ActiveUnits, active_units
from tfvae.evaluation.examples import as_arrays, rows
from tfvae.evaluation.gap import check_gap, inference_gap
from tfvae.evaluation.gap_result import InferenceGap
from tfvae.evaluation.importance import LogMarginal, log_marginal
from tfvae.evaluation.per_example import PerExample

__all__ = [
    "ActiveUnits",
    "InferenceGap",
    "LogMarginal",
    "PerExample",
    "active_units",
    "as_arrays",
    "check_gap",
    "inference_gap",
    "log_marginal",
    "rows",
]
