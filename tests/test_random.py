"""Noise: the generators' bits, their moments, and that each number depends on what it should and on nothing else.

Mutations, each seen to break a test here: a rotation constant of Threefry changed; its key schedule not advanced;
row seeds ignored; the stream's name left out of counter or key; Philox skipping rows by `num_samples * size` numbers
in place of whole blocks; sin and cos of Box-Muller from one word; no transpose to [K, B, size]; uniforms that reach 0;
rows that do not fill whole vectors; wide seeds cast without a check, in a graph or before it.
"""

import zlib

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_chi_square_uniform, assert_mean_close
from scipy import stats as scipy_stats

from tfvae import random
from tfvae.checks import UserError

# Random123 (Salmon et al. 2011), known answers of threefry2x32 with 20 rounds: counter, key, output.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def threefry(key, counter):
    """Threefry-2x32-20 in Python integers, from the paper's description: 20 rounds, a key injection after every 4."""
    mask = 0xFFFFFFFF
    schedule = [*key, 0x1BD11BDA ^ key[0] ^ key[1]]
    a, b = (counter[0] + key[0]) & mask, (counter[1] + key[1]) & mask
    for index in range(20):
        rotation = ROTATIONS[index % 8]
        a = (a + b) & mask
        b = (b << rotation | b >> (32 - rotation)) & mask ^ a
        if index % 4 == 3:
            injection = index // 4 + 1
            a = (a + schedule[injection % 3]) & mask
            b = (b + schedule[(injection + 1) % 3] + injection) & mask
    return a, b


def threefry_tf(key, counter):
    words = [tf.constant(word, tf.uint32) for word in (*key, *counter)]
    return tuple(int(word) for word in random.threefry_2x32(*words))


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_threefry_known_answers(counter, key, output):
    assert threefry_tf(key, counter) == output == threefry(key, counter)


def test_threefry_is_that_of_an_independent_implementation():
    words = np.random.default_rng(0).integers(0, 2**32, (4, 50), dtype=np.uint64)
    found = random.threefry_2x32(*(tf.constant(row.astype(np.uint32)) for row in words))
    expected = [threefry((int(a), int(b)), (int(c), int(d))) for a, b, c, d in words.T]
    np.testing.assert_array_equal(np.stack(found, axis=1), np.array(expected, np.uint32))


def philox(num_rows, first_row=0, *, seed=3, step=0):
    return random.PhiloxNoise(random.fold(seed, "train", step), num_rows, first_row)


def threefry_noise(num_rows, *, seed=3):
    return random.ThreefryNoise(random.row_seeds(seed, num_rows))


SOURCES = {"philox": philox, "threefry": threefry_noise}
LAYOUTS = [(1, 4), (3, 4), (1, 1), (3, 1), (5, 3), (2, 7)]  # K * size divisible by 4, by 2, or odd


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize(("num_samples", "size"), LAYOUTS)
@pytest.mark.parametrize("source", SOURCES)
def test_layout(source, num_samples, size, kind):
    noise = getattr(SOURCES[source](6), kind)("z", num_samples, size).numpy()
    assert noise.shape == (num_samples, 6, size) and noise.dtype == np.float32
    assert len(np.unique(noise)) == noise.size


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize(("num_samples", "size"), LAYOUTS)
def test_a_cut_batch_draws_what_it_would_have_drawn_whole(num_samples, size, kind):
    whole = getattr(philox(6), kind)("z", num_samples, size).numpy()
    for cut in range(7):
        parts = [philox(cut), philox(6 - cut, cut)]
        drawn = [getattr(part, kind)("z", num_samples, size).numpy() for part in parts]
        np.testing.assert_array_equal(np.concatenate(drawn, axis=1), whole, err_msg=f"cut at {cut}")


def test_philox_traces_with_unknown_rows():
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)] * 2)
    def draw(rows, first):
        return philox(rows, first).normal("z", 3, 5)

    np.testing.assert_array_equal(draw(2, 3), philox(5).normal("z", 3, 5)[:, 3:])


@pytest.mark.parametrize("source", SOURCES)
def test_each_particle_draws_its_own(source):
    noise = SOURCES[source](2).normal("z", 3, 4).numpy()
    assert len(np.unique(noise)) == noise.size


@pytest.mark.parametrize("source", SOURCES)
def test_streams_and_seeds_differ(source):
    base = SOURCES[source](4).normal("posterior", 2, 8).numpy()
    np.testing.assert_array_equal(SOURCES[source](4).normal("posterior", 2, 8), base)
    assert not np.isin(SOURCES[source](4).normal("prior", 2, 8), base).any()
    assert not np.isin(SOURCES[source](4, seed=4).normal("posterior", 2, 8), base).any()


def test_steps_differ_and_fold_is_a_function():
    steps = [random.fold(3, "train", step).numpy() for step in range(200)]
    assert len({tuple(step) for step in steps}) == 200
    np.testing.assert_array_equal(steps[7], random.fold(tf.constant(3), "train", tf.constant(7, tf.int64)))
    assert tuple(random.fold(3, "test", 7).numpy()) != tuple(steps[7])
    assert tuple(random.fold(random.fold(3, "a"), "b").numpy()) == tuple(random.fold(3, "a", "b").numpy())
    assert not np.isin(philox(4, step=1).normal("z", 2, 8), philox(4).normal("z", 2, 8)).any()


def test_a_threefry_row_depends_on_its_seed_alone():
    seeds = np.array([[5, 0], [5, 1], [-7, 3], [2**31 - 1, -(2**31)]], np.int32)
    together = random.ThreefryNoise(tf.constant(seeds)).normal("z", 3, 5).numpy()
    for index in range(4):
        alone = random.ThreefryNoise(tf.constant(seeds[index : index + 1])).normal("z", 3, 5).numpy()
        np.testing.assert_array_equal(alone[:, 0], together[:, index])
    assert len(np.unique(together)) == together.size


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize(("num_samples", "size"), [*LAYOUTS, (1, 50)])
def test_a_threefry_row_is_the_same_to_the_last_bit_whoever_shares_its_batch(num_samples, size, kind):
    seeds = random.row_seeds(3, 40)
    draw = tf.function(
        lambda rows: getattr(random.ThreefryNoise(rows), kind)("z", num_samples, size),
        input_signature=[tf.TensorSpec([None, 2], tf.int32)],
    )
    whole = draw(seeds).numpy()
    for cut in (1, 2, 3, 7, 13, 20, 31, 39):
        parts = [draw(seeds[:cut]), draw(seeds[cut:])]
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole, err_msg=f"cut at {cut}")
    eager = getattr(random.ThreefryNoise(seeds[5:6]), kind)("z", num_samples, size)
    np.testing.assert_array_equal(eager[:, 0], whole[:, 5])


def test_threefry_numbers_are_made_of_its_bits():
    key, name = (9, 1), zlib.crc32(b"x")
    first, second = threefry(key, (0, name)), threefry(key, (1, name))
    unit = [((word >> 9) + 0.5) / 2**23 for word in (first[0], second[0], first[1], second[1])]
    noise = random.ThreefryNoise(tf.constant([key], tf.int32))
    np.testing.assert_allclose(noise.uniform("x", 1, 4)[0, 0], unit, rtol=1e-7)
    radius, angle = np.sqrt(-2 * np.log(unit[:2])), 2 * np.pi * np.array(unit[2:])
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    np.testing.assert_allclose(noise.normal("x", 1, 4)[0, 0], normal, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("source", SOURCES)
def test_normal_distribution(source):
    noise = SOURCES[source](2000).normal("z", 5, 4).numpy().astype(np.float64)
    flat = noise.reshape(-1)
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert_mean_close(flat**power, moment, name=f"moment {power}", smallest_bug=0.3)
    assert scipy_stats.kstest(flat, "norm").pvalue > 1e-5
    rows = noise.transpose(1, 0, 2).reshape(2000, -1)
    products = rows[:, :, None] * rows[:, None, :]
    assert_mean_close(products, np.eye(20), name="covariance of a row's numbers", smallest_bug=0.3)
    assert_mean_close(flat[:-20] * flat[20:], 0.0, name="neighbouring rows", smallest_bug=0.1)


@pytest.mark.parametrize("source", SOURCES)
def test_uniform_distribution(source):
    noise = SOURCES[source](2000).uniform("z", 5, 4).numpy().reshape(-1)
    assert noise.min() >= 0 and noise.max() < 1
    assert_chi_square_uniform(np.histogram(noise, bins=64, range=(0, 1))[0])


def test_threefry_uniforms_never_reach_the_ends():
    ends = random.ThreefryNoise._unit(tf.constant([0, 2**32 - 1], tf.uint32)).numpy()
    assert ends[0] > 0 and ends[1] < 1
    assert np.isfinite(np.log(ends)).all()


@pytest.mark.parametrize("seed", [2**31, -(2**31) - 1, 1.0, "1", True, [1], np.array([1, 2]), np.array(1.5)])
def test_bad_seeds_are_refused_in_one_line(seed):
    with pytest.raises(
        UserError, match="seed is not a 32-bit integer; expected an integer from -2147483648"
    ) as error:
        random.as_seed(seed)
    assert "\n" not in str(error.value)


WIDE = [
    tf.constant(2**40 + 5, tf.int64),
    tf.constant(-(2**31) - 1, tf.int64),
    tf.constant(2**63 + 5, tf.uint64),
    tf.constant(2**31, tf.uint32),
]


@pytest.mark.parametrize("seed", WIDE, ids=lambda seed: f"{seed.dtype.name} {int(seed)}")
def test_wide_seeds_are_refused_before_they_wrap(seed):
    said = "seed is not a 32-bit integer; expected an integer from -2147483648 to 2147483647; received"
    with pytest.raises(UserError, match=f"{said} {int(seed)}$"):
        random.as_seed(seed)
    in_graph = tf.function(random.as_seed, input_signature=[tf.TensorSpec([], seed.dtype)])
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        in_graph(seed)
    for number in (0, 7, 2**31 - 1) + ((-1, -(2**31)) if seed.dtype.min < 0 else ()):
        assert int(in_graph(tf.constant(number, seed.dtype))) == number
    constant = tf.function(lambda: random.row_seeds(tf.constant(number, seed.dtype), 3), autograph=False)
    number = int(seed)
    with pytest.raises(UserError, match=said):
        constant()


@pytest.mark.parametrize("seed", [tf.constant(1.0), tf.constant([1, 2])])
def test_bad_seed_tensors_are_refused(seed):
    with pytest.raises(UserError, match="seed is not a scalar integer tensor"):
        random.as_seed(seed)


@pytest.mark.parametrize("seed", [0, -(2**31), 2**31 - 1, np.int64(5), np.array(5), tf.constant(5, tf.int64)])
def test_good_seeds(seed):
    taken = random.as_seed(seed)
    assert taken.dtype == tf.int32 and taken.shape == () and int(taken) == int(seed)


def test_no_seed_is_a_fresh_one_that_keras_governs():
    tf.random.set_seed(1)
    first = [int(random.as_seed(None)) for _ in range(3)]
    tf.random.set_seed(1)
    assert [int(random.as_seed(None)) for _ in range(3)] == first
    assert len(set(first)) == 3


def test_row_seeds():
    np.testing.assert_array_equal(random.row_seeds(7, 3), [[7, 0], [7, 1], [7, 2]])
    fresh = random.row_seeds(None, 3).numpy()
    assert len(set(fresh[:, 0])) == 1 and fresh[:, 1].tolist() == [0, 1, 2]
