"""Comparisons of two sets, such as a generator's samples and real examples: pure functions, no Keras.

A generator x = g(z), z ~ p(z), has no likelihood to climb. It is trained by a comparison of its samples with examples,
which says how each sample should move. The same comparisons act on the codes of a VAE and draws from its prior.
"""

from tfvae.comparisons.catalog import TABLE, Latent, Row, get, get_latent, latent, latent_names, names, row

__all__ = ["TABLE", "Latent", "Row", "get", "get_latent", "latent", "latent_names", "names", "row"]


def __dir__() -> list[str]:
    return sorted(__all__)
