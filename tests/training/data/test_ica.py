"""The data set of independent components: its sources are independent Laplace variables, mixed by the matrix.

Written against these mutations: sources of variance 2; the matrix transposed; splits that share their stream.
"""

import numpy as np
from scipy import special

from tfvae.training import data
from tfvae.training.data import ica


def test_the_sources_are_independent_laplace_variables():
    found = data.load("ica")
    assert found.image_shape == (4,) and found.levels() is None
    x = np.concatenate([split.images for split in (found.train, found.validation, found.test)])
    assert x.dtype == np.float32 and len(np.unique(x, axis=0)) == len(x) == 20_000
    sources = x.astype(float) @ np.linalg.inv(ica.MIXING).T
    shares = 0.5 + 0.5 * np.sign(sources) * (1.0 - np.exp(-np.sqrt(2.0) * np.abs(sources)))
    for column in shares.T:
        counts = np.histogram(column, 20, (0.0, 1.0))[0]
        assert special.chdtrc(19, np.sum((counts - 1000.0) ** 2) / 1000.0) > 1e-6
    for values in (shares, np.abs(shares - 0.5)):  # neither they nor their sizes go together
        correlations = np.corrcoef(values, rowvar=False)[np.triu_indices(4, 1)]
        assert np.abs(correlations).max() < 5 / np.sqrt(20_000)
    assert data.load("ica").fingerprint() == found.fingerprint()
