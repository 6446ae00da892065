"""Honest evaluation: log p(x) with its error, and what the latent variables do."""

from tfvae.evaluation.activity import ActiveUnits, active_units
from tfvae.evaluation.examples import as_arrays, rows
from tfvae.evaluation.importance import LogMarginal, log_marginal

__all__ = ["ActiveUnits", "LogMarginal", "active_units", "as_arrays", "log_marginal", "rows"]
