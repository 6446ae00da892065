"""The log-normaliser of a run's density that was learned without its integral: estimated anew for each evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfvae.models import NoiseContrastive

SETTINGS: dict[str, Any] = {"num_temperatures": 1000, "num_chains": 256}


@dataclass(frozen=True)
class Normalizer:
    """The log-normaliser of a density.

    Attributes:
        log_normalizer: log Z by annealing from the noise, nats.
        log_normalizer_standard_error: of `log_normalizer`, nats.
        learned_log_normalizer: log Z as the model learned it, nats.
    """

    log_normalizer: float
    log_normalizer_standard_error: float
    learned_log_normalizer: float


def settle(model: NoiseContrastive, seed: int) -> Normalizer:
    """Gives the model the log Z that annealing finds, so that its density integrates to 1 up to the error of that.

    Args:
        model: the model; its learned log Z is replaced.
        seed: 32-bit integer that fixes the chains.
    """
    from tfvae import evaluation

    learned = model.log_normalizer
    found = evaluation.log_normalizer(model, **SETTINGS, seed=seed)
    model.log_normalizer = found.log_normalizer
    return Normalizer(found.log_normalizer, found.standard_error, learned)
