"""Gradient estimators: pure functions from log-weights to a bound and three sets of gradient weights."""

from tfvae.estimators.catalog import TABLE, Row, get, names, row

__all__ = ["TABLE", "Row", "get", "names", "row"]
