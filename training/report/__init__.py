"""The report of an evaluated run: one HTML file that needs nothing beside it."""

from tfvae.training.report.write import write

__all__ = ["write"]
