"""The networks of DCGAN: what stands where, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.networks import DCGANDiscriminator, DCGANGenerator

SIZES = [(8, 8, 1), (12, 20, 2), (28, 28, 1), (32, 32, 3), (64, 64, 3)]


@pytest.mark.parametrize("shape", SIZES)
def test_both_networks_fit_every_size(shape):
    z = tf.random.stateless_normal([3, 5], [0, 1])
    images = DCGANGenerator(shape, width=2)(z)
    assert images.shape == (3, *shape) and images.dtype == tf.float32
    assert float(tf.reduce_min(images)) >= 0 and float(tf.reduce_max(images)) <= 1
    assert DCGANDiscriminator(width=2)(images).shape == (3, 1)


def test_the_published_networks_have_the_published_maps():
    """64x64x3: generator 4x4x1024, 512, 256, 128, 3; discriminator 128, 256, 512, 1024."""
    generator, discriminator = DCGANGenerator((64, 64, 3)), DCGANDiscriminator()
    assert generator.start == (4, 4, 1024)
    assert [layer.filters for layer in generator.convolutions] == [512, 256, 128, 3]
    discriminator.build((None, 64, 64, 3))
    assert [layer.filters for layer in discriminator.convolutions] == [128, 256, 512, 1024]


def test_normalisation_stands_everywhere_but_at_both_ends():
    generator, discriminator = DCGANGenerator((32, 32, 1), width=2), DCGANDiscriminator(width=2)
    generator.build((None, 4))
    discriminator.build((None, 32, 32, 1))
    biased = {
        "generator": [layer.use_bias for layer in (generator.projection, *generator.convolutions)],
        "discriminator": [layer.use_bias for layer in (*discriminator.convolutions, discriminator.logit)],
    }
    assert biased == {
        "generator": [False, False, False, True],
        "discriminator": [True, False, False, True],
    }
    assert (len(generator.normalizations), len(discriminator.normalizations)) == (3, 2)


def test_weights_start_small_and_normal():
    keras.utils.set_random_seed(0)
    generator = DCGANGenerator((32, 32, 3), width=32)
    generator.build((None, 50))
    for layer in (generator.projection, generator.convolutions[0]):
        kernel = np.asarray(layer.kernel)
        error = 0.02 / np.sqrt(2 * kernel.size)
        assert abs(kernel.std() - 0.02) < 5 * error and abs(kernel.mean()) < 5 * 0.02 / np.sqrt(kernel.size)
    gains = np.concatenate([layer.gamma for layer in generator.normalizations])
    assert abs(gains.mean() - 1) < 5 * 0.02 / np.sqrt(gains.size) and 0.01 < gains.std() < 0.03


def test_training_alone_moves_the_running_means():
    discriminator, images = DCGANDiscriminator(width=2), tf.random.stateless_uniform([4, 8, 8, 1], [1, 2])
    discriminator(images)
    before = [np.array(weight) for weight in discriminator.non_trainable_weights]
    discriminator(images, training=False)
    assert all(
        (a == np.array(b)).all() for a, b in zip(before, discriminator.non_trainable_weights, strict=True)
    )
    discriminator(images, training=True)
    assert any(
        (a != np.array(b)).any() for a, b in zip(before, discriminator.non_trainable_weights, strict=True)
    )


@pytest.mark.parametrize(
    ("network", "shape"),
    [(DCGANGenerator((8, 12, 1), width=2), (3, 6)), (DCGANDiscriminator(width=2), (3, 8, 12, 1))],
)
def test_a_network_made_from_its_config_gives_the_same(network, shape):
    x = tf.random.stateless_uniform(shape, [3, 4])
    network(x, training=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(x), network(x))


@pytest.mark.parametrize("shape", [(30, 28, 1), (4, 4, 1), (68, 68, 3), (28, 28)])
def test_images_of_another_size_are_one_line(shape):
    with pytest.raises(
        UserError, match=r"a DCGAN cannot make images of this size; expected .* multiples of 4"
    ) as caught:
        DCGANGenerator(shape)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="a DCGAN cannot make images of this size"):
        DCGANDiscriminator().build((None, *shape))
