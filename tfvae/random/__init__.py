"""Noise as a pure function of a seed and of the place where it is used.

Two generators are a `Noise`, with the same two methods, `normal` and `uniform`:

* `PhiloxNoise` for training and evaluation: one fast TensorFlow kernel. Row b of a batch reads the counter block of
  its *global* row number. A batch that is divided over replicas therefore draws the same noise as the whole batch.
* `ThreefryNoise` for exported models: 32-bit integer arithmetic that TensorFlow, TF Serving and LiteRT evaluate to the
  same bits. Every row has its own seed, so a row does not depend on the other rows of its batch.

References:
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), Philox-4x32 and Threefry-2x32.
    Box, Muller: A note on the generation of random normal deviates (1958).
"""

from tfvae.random.noise import Chosen, Noise, Outside, Recorded, Sliced
from tfvae.random.philox import PhiloxNoise
from tfvae.random.seeds import as_seed, fold, row_seeds
from tfvae.random.threefry import ThreefryNoise, threefry_2x32

__all__ = [
    "Chosen",
    "Noise",
    "Outside",
    "PhiloxNoise",
    "Recorded",
    "Sliced",
    "ThreefryNoise",
    "as_seed",
    "fold",
    "row_seeds",
    "threefry_2x32",
]


def __dir__() -> list[str]:
    return sorted(__all__)
