"""Gradient estimators: pure functions from log-weights to a bound and three sets of gradient weights."""

from tfvae.estimators.catalog import TABLE, Row, get, names, row
from tfvae.estimators.checks import check

__all__ = ["TABLE", "Row", "check", "get", "names", "row"]


def __dir__() -> list[str]:
    return sorted(__all__)
