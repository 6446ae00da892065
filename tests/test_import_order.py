"""Whatever of tfvae is imported first, before Keras, the classes exist once and Keras knows them all.

Mutation, seen to break each test here: the rooms' `import keras` taken away.
"""

import subprocess
import sys

import pytest
from kit.marks import tiers

FIRST = (
    "from tfvae.distributions import Bernoulli as first; name = 'Bernoulli'",
    "from tfvae import presets; first = type(presets.create('digits')); name = 'VAE'",
    "from tfvae.networks import MLP as first; name = 'MLP'",
    "from tfvae import IWAE as first; name = 'IWAE'",
)


@pytest.mark.parametrize("first", tiers(FIRST, fast=FIRST[:1], kept=FIRST[:2]))
def test_first(first):
    code = (
        f"{first}\nimport keras, tfvae\nknown = keras.saving.get_registered_object\n"
        "assert known('tfvae>' + name) is first\nassert known('tfvae>VAE') is tfvae.VAE\n"
        "assert known('tfvae>MLP') is tfvae.networks.MLP\n"
        "assert known('tfvae>Bernoulli') is tfvae.distributions.Bernoulli\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
