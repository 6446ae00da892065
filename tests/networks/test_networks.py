"""Shapes, batch normalisation, arguments and configs of encoders and decoders.

Mutations, each seen to break a test here: kernels of 3 whatever was asked for; a decoder's first layer left linear.
"""

import json

import keras
import numpy as np
import pytest

from tfvae.checks import UserError
from tfvae.networks import MLP, ConvDecoder, ConvEncoder

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(6,), (3, 2), (4, 4, 1)])
def test_mlp_takes_any_shape(shape):
    assert MLP([7, 5])(normal(3, *shape)).shape == (3, 5)


def test_mlp_is_what_it_says():
    network = MLP([4, 3], "tanh")
    x = normal(5, 2, 3)
    found = network(x)
    for dense in network.dense:
        x = np.tanh(x.reshape(5, -1) @ np.array(dense.kernel) + np.array(dense.bias))
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-6)


def test_mlp_without_layers_flattens():
    x = normal(5, 2, 3)
    np.testing.assert_array_equal(MLP([])(x), x.reshape(5, 6))


def test_batch_norm_stands_before_the_activation_and_replaces_the_bias():
    network = MLP([4], "relu", batch_norm=True)
    x = normal(8, 3)
    found = network(x, training=True).numpy()
    hidden = x @ np.array(network.dense[0].kernel)
    truth = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-3)
    np.testing.assert_allclose(found, np.maximum(truth, 0), rtol=1e-4, atol=1e-5)
    assert not network.dense[0].use_bias
    assert len(network.trainable_variables) == 3 and len(network.non_trainable_variables) == 2


def test_batch_norm_trains_and_infers_differently():
    network = MLP([4], "linear", batch_norm=True)
    x = 3 + 2 * normal(8, 3)
    inferred = network(x, training=False).numpy()
    np.testing.assert_allclose(inferred, network(x).numpy())
    trained = network(x, training=True).numpy()
    np.testing.assert_allclose(trained.mean(axis=0), 0, atol=1e-5)
    assert np.abs(trained - inferred).max() > 0.1
    after = network(x, training=False).numpy()
    assert np.abs(after - inferred).max() > 1e-3  # the running moments have moved


@pytest.mark.parametrize(
    ("filters", "image", "features"), [([3], (8, 8, 1), 48), ([3, 5], (8, 6, 2), 20), ([2], (7, 7, 1), 32)]
)
def test_conv_encoder_halves_and_flattens(filters, image, features):
    assert ConvEncoder(filters)(normal(2, *image)).shape == (2, features)


@pytest.mark.parametrize(
    ("filters", "image"), [([3], (8, 8, 1)), ([3, 5], (8, 4, 2)), ([2, 3, 4], (16, 8, 3))]
)
def test_conv_decoder_reaches_the_image(filters, image):
    decoder = ConvDecoder(image, filters)
    assert decoder(normal(2, 7)).shape == (2, *image[:2], filters[-1])
    assert decoder.start == (image[0] // 2 ** len(filters), image[1] // 2 ** len(filters), filters[0])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_conv_layers_use_the_activation(activation):
    low = {"relu": 0.0, "tanh": -1.0}[activation]
    for network, x in (
        (ConvEncoder([3], activation=activation), 9 * normal(4, 8, 8, 1)),
        (ConvDecoder((8, 8, 1), [3], activation=activation), 9 * normal(4, 3)),
    ):
        found = network(x).numpy()
        assert found.min() >= low and found.min() < low + 0.5


def test_conv_layers_have_kernels_of_the_size_asked_for():
    encoder, decoder = ConvEncoder([2, 3], kernel_size=5), ConvDecoder((8, 8, 1), [3, 2], kernel_size=4)
    encoder(normal(1, 8, 8, 1)), decoder(normal(1, 6))
    assert [tuple(layer.kernel.shape[:2]) for layer in encoder.convolutions] == [(5, 5)] * 2
    assert [tuple(layer.kernel.shape[:2]) for layer in decoder.convolutions] == [(4, 4)] * 2


def test_the_first_layer_of_a_conv_decoder_is_activated_too():
    decoder = ConvDecoder((8, 8, 1), [3], activation="tanh")
    x = normal(4, 6)
    hidden = np.tanh(9 * x @ decoder_kernel(decoder)).reshape(-1, *decoder.start)
    np.testing.assert_allclose(decoder(9 * x), decoder.convolutions[0](hidden), rtol=1e-4, atol=1e-5)


def decoder_kernel(decoder):
    decoder.build((None, 6))
    return np.array(decoder.dense.kernel)


@pytest.mark.parametrize("image", [(28, 28, 1), (8, 6, 1), (1, 17, 1)])
def test_sides_that_are_not_divisible_are_cropped_around_the_middle(image):
    decoder = ConvDecoder(image, [2, 2, 2])
    whole = ConvDecoder((*(8 * -(-size // 8) for size in image[:2]), 1), [2, 2, 2])
    x = normal(4, 6)
    decoder(x), whole(x)
    whole.set_weights(decoder.get_weights())
    maps, (height, width, _) = whole(x), image
    top, left = (maps.shape[1] - height) // 2, (maps.shape[2] - width) // 2
    assert decoder(x).shape == (4, height, width, 2)
    np.testing.assert_array_equal(decoder(x), maps[:, top : top + height, left : left + width])
    assert ConvEncoder([2, 2, 2])(normal(1, *image)).shape == (1, np.prod(decoder.start))


def test_conv_decoder_makes_images_alone():
    with pytest.raises(UserError, match=r"makes images; expected shape \(H, W, C\); received \(28, 28\)"):
        ConvDecoder((28, 28), [2])


BAD = [
    lambda: MLP([0]),
    lambda: MLP([2.5]),
    lambda: MLP("12"),
    lambda: MLP([4, -1]),
    lambda: ConvEncoder([0]),
    lambda: ConvEncoder([]),
    lambda: ConvEncoder([2], kernel_size=0),
    lambda: ConvEncoder([2])(np.zeros((2, 16), np.float32)),
    lambda: ConvDecoder((8, 8, 1), []),
    lambda: ConvDecoder((8, 8), [2]),
    lambda: ConvDecoder((8, 8, 0), [2]),
    lambda: ConvDecoder("8x8", [2]),
]


@pytest.mark.parametrize("make", BAD)
def test_bad_arguments_are_refused(make):
    with pytest.raises(UserError):
        make()


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (MLP([4, 3], "elu", batch_norm=True, kernel_initializer="he_normal", name="own"), (5,)),
        (
            MLP((4,), keras.activations.tanh, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1)),
            (2, 3),
        ),
        (ConvEncoder([2, 3], kernel_size=5, activation="elu"), (8, 8, 1)),
        (ConvDecoder((8, 8, 1), [3, 2], kernel_size=4, activation="tanh"), (6,)),
    ],
)
def test_config_round_trip(network, shape):
    x = normal(3, *shape)
    found = network(x)
    config = json.loads(json.dumps(network.get_config()))
    copy = type(network).from_config(config)
    copy(x)
    copy.set_weights(network.get_weights())
    np.testing.assert_array_equal(copy(x), found)
    assert json.loads(json.dumps(copy.get_config())) == config
