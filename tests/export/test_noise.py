"""The noise that ships: known answers, a twin in NumPy, and the statistics of what an exported file draws.

Mutations, each seen to break a test here: a rotation off by one, the key parity constant off by one, both Box-Muller
outputs from the cosine, the seed's second word ignored.
"""

import zlib

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfvae import VAE, random
from tfvae.distributions import DiagonalNormal, Normal
from tfvae.export import OnDevice, save_tflite
from tfvae.networks import MLP

KNOWN = [  # key, counter, output: the known-answer vectors that Random123 ships for threefry2x32 with 20 rounds
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def threefry(key, counter, rounds=20):
    """Threefry-2x32 on Python integers, as the paper has it: a key is added after every four rounds."""
    mask = 0xFFFFFFFF
    keys = [*key, 0x1BD11BDA ^ key[0] ^ key[1]]
    x0, x1 = (counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask
    for number in range(rounds):
        places = ROTATIONS[number % 8]
        x0 = (x0 + x1) & mask
        x1 = ((x1 << places | x1 >> (32 - places)) & mask) ^ x0
        if number % 4 == 3:
            turn = number // 4 + 1
            x0, x1 = (x0 + keys[turn % 3]) & mask, (x1 + keys[(turn + 1) % 3] + turn) & mask
    return x0, x1


def unit(word):
    return ((word >> 9) + 0.5) * 2.0**-23


def twin(seeds, stream, num_samples, size):
    """What `ThreefryNoise.normal` is to draw, in double precision."""
    count = -(-num_samples * size // 2)
    rows = []
    for seed in seeds:
        key = [int(word) & 0xFFFFFFFF for word in seed]
        words = [threefry(key, (index, zlib.crc32(stream.encode()))) for index in range(count)]
        radius = np.sqrt(-2.0 * np.log([unit(first) for first, _ in words]))
        angle = 2.0 * np.pi * np.array([unit(second) for _, second in words])
        rows.append(np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: num_samples * size])
    return np.reshape(rows, [len(seeds), num_samples, size]).transpose(1, 0, 2)


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN)
def test_known_answers(key, counter, expected):
    words = random.threefry_2x32(*(tf.constant(word, tf.uint32) for word in (*key, *counter)))
    assert tuple(int(word) for word in words) == expected == threefry(key, counter)


SEEDS = np.array([[0, 0], [7, 0], [7, 1], [-1, 2**31 - 1], [-(2**31), 3]], np.int32)


@pytest.mark.parametrize(("num_samples", "size"), [(1, 1), (1, 8), (3, 5)])
def test_normals_are_those_of_the_twin(num_samples, size):
    drawn = random.ThreefryNoise(tf.constant(SEEDS)).normal("prior", num_samples, size)
    np.testing.assert_allclose(drawn, twin(SEEDS, "prior", num_samples, size), rtol=0, atol=1e-6)
    assert not np.allclose(drawn, random.ThreefryNoise(tf.constant(SEEDS)).normal("x", num_samples, size))


def correlation_z(first, second):
    """The correlation of two equally long arrays in units of its standard error under independence."""
    first, second = np.ravel(first), np.ravel(second)
    return np.corrcoef(first, second)[0, 1] * np.sqrt(len(first))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """10^6 latents that an exported file draws in LiteRT: [100 consecutive seeds, 1000 rows, 10 units]."""
    model = VAE(MLP([2]), MLP([2]), posterior=DiagonalNormal(10), likelihood=Normal(1))
    model.build()
    path = tmp_path_factory.mktemp("noise") / "model.tflite"
    save_tflite(model, path, num_samples=1)
    rows = np.stack(np.meshgrid(np.arange(100), np.arange(1000), indexing="ij"), axis=-1).reshape(-1, 2)
    return OnDevice(path).run("sample", seed=rows.astype(np.int32))["latent"].reshape(100, 1000, 10)


@pytest.mark.slow
def test_exported_normals_are_normal(drawn):
    values = drawn.astype(np.float64).ravel()
    assert values.size == 10**6
    assert stats.kstest(values, "norm").pvalue > 1e-4
    counts = np.bincount((stats.norm.cdf(values) * 1000).astype(int), minlength=1000)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert np.abs(values).max() > 4.5


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["seeds", "rows", "units"])
def test_neighbours_are_independent(drawn, axis):
    first = np.take(drawn, range(drawn.shape[axis] - 1), axis)
    second = np.take(drawn, range(1, drawn.shape[axis]), axis)
    assert abs(correlation_z(first, second)) < 5
    assert abs(correlation_z(first**2, second**2)) < 5
    assert len(np.unique(drawn)) > 0.9 * drawn.size
