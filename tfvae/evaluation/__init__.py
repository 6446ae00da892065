"""Honest evaluation: log p(x) with its error, and what the latent variables do."""

from tfvae.evaluation.activity import ActiveUnits, active_units
from tfvae.evaluation.ais import AnnealedImportance, ais
from tfvae.evaluation.bidirectional import Sandwich, bdmc
from tfvae.evaluation.examples import as_arrays, rows
from tfvae.evaluation.importance import LogMarginal, log_marginal

__all__ = [
    "ActiveUnits",
    "AnnealedImportance",
    "LogMarginal",
    "Sandwich",
    "active_units",
    "ais",
    "as_arrays",
    "bdmc",
    "log_marginal",
    "rows",
]
