"""The attention window against loops that follow the paper's equations one pixel at a time, counted from 1.

Mutations, each seen to break a test here: pixels counted from 0, x and y exchanged, s for s^2, 1 / gamma on reading,
a stride of max(A, B) / N, filters scaled to sum over themselves, a grid that starts over the whole image, s that
starts at the root of half a stride, 1 / stride for the gamma that writing starts with.
"""

import numpy as np
import pytest
import tensorflow as tf
from kit.images import one_line

from tfvae.checks import UserError
from tfvae.networks import AttentionWindow, LSTMStep

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 5, 7
WHERE = np.array(
    [[0.1, -0.2, 0.3, -0.8, 0.4], [-0.6, 0.5, -1.0, -0.3, -0.7], [0.0, 0.0, 0.0, 0.0, 0.0]], np.float32
)


def loops(where, size):
    """The filters F_X [size, WIDTH] and F_Y [size, HEIGHT], and gamma: equations 19-26."""
    gx, gy = (WIDTH + 1) / 2 * (where[0] + 1), (HEIGHT + 1) / 2 * (where[1] + 1)
    variance, gamma = np.exp(where[2]), np.exp(where[4])
    stride = (max(WIDTH, HEIGHT) - 1) / (size - 1) * np.exp(where[3]) if size > 1 else 0.0
    filters = []
    for centre, length in ((gx, WIDTH), (gy, HEIGHT)):
        F = np.zeros((size, length))
        for i in range(1, size + 1):
            for a in range(1, length + 1):
                F[i - 1, a - 1] = np.exp(
                    -((a - (centre + (i - size / 2 - 0.5) * stride)) ** 2) / (2 * variance)
                )
            F[i - 1] /= F[i - 1].sum()
        filters.append(F)
    return *filters, gamma


@pytest.mark.parametrize("size", [1, 2, 3])
def test_read_and_write_are_the_equations(size):
    window = AttentionWindow(size, (HEIGHT, WIDTH, 2))
    image = RNG.normal(size=(3, HEIGHT, WIDTH, 4)).astype(np.float32)
    patch = RNG.normal(size=(3, size, 2, size)).astype(np.float32)
    read, written = window.read(WHERE, image).numpy(), window.write(WHERE, patch).numpy()
    for row, where in enumerate(WHERE):
        fx, fy, gamma = loops(where.astype(np.float64), size)
        for channel in range(4):
            expected = gamma * fy @ image[row, :, :, channel] @ fx.T
            np.testing.assert_allclose(read[row, :, channel], expected, rtol=1e-4, atol=1e-5)
        for channel in range(2):
            expected = fy.T @ patch[row, :, channel] @ fx / gamma
            np.testing.assert_allclose(written[row, :, :, channel], expected, rtol=1e-4, atol=1e-5)


def test_the_edges_are_those_of_the_grid():
    """At zero the grid spans the longer side: 3 filters at columns 1, 4 and 7, at rows 0, 3 and 6 of 5."""
    rows, columns = AttentionWindow(3, (HEIGHT, WIDTH, 1)).centres(WHERE[2:])
    np.testing.assert_allclose(columns, [[1.0, 4.0, 7.0]], atol=1e-6)
    np.testing.assert_allclose(rows, [[0.0, 3.0, 6.0]], atol=1e-6)
    edges = AttentionWindow(3, (HEIGHT, WIDTH, 1)).edges(WHERE[2:])
    np.testing.assert_allclose(edges, [[3.5 - 4.5, 2.5 - 4.5, 3.5 + 4.5, 2.5 + 4.5]], atol=1e-6)


@pytest.mark.parametrize("writes", [False, True])
def test_a_window_starts_over_half_of_the_image_and_neither_weakens_nor_strengthens(writes):
    window = AttentionWindow(5, (31, 31, 1), writes=writes)
    where = window(np.zeros((1, 3), np.float32))
    (rows,), (columns,) = (means.numpy() for means in window.centres(where))
    stride = 30 / 2 / 4
    for centres in (rows, columns):
        np.testing.assert_allclose(centres, 16 + stride * np.arange(-2, 3), rtol=1e-6)
    assert np.exp(where[0, 2] / 2) == pytest.approx(stride / 2, rel=1e-6)
    if writes:
        written = window.write(where, np.ones((1, 5, 1, 5), np.float32)).numpy()[0, :, :, 0]
        np.testing.assert_allclose(written[13:18, 13:18], 1.0, atol=0.05)
    else:
        np.testing.assert_allclose(window.read(where, np.ones((1, 31, 31, 1), np.float32)), 1.0, rtol=1e-5)


def test_a_window_far_outside_reads_the_nearest_edge():
    """Kills: filters divided by a sum that underflows."""
    window = AttentionWindow(2, (HEIGHT, WIDTH, 1))
    where = np.array([[50.0, 0.0, -8.0, -5.0, 0.0]], np.float32)
    rows, columns = window.filters(where)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(columns[0, :, -1], 1.0)


@pytest.mark.parametrize(
    ("size", "shape", "says"),
    [
        (0, (4, 4, 1), "size of an attention window is not a positive integer"),
        (1.5, (4, 4, 1), "size of an attention window is not a positive integer"),
        (5, (4, 6, 1), "larger than the image; expected a size from 1 to 4; received 5"),
        (2, (16,), r"needs images; expected an event shape \(height, width, channels\)"),
    ],
)
def test_bad_input_is_one_line(size, shape, says):
    with pytest.raises(UserError, match=says) as caught:
        AttentionWindow(size, shape)
    one_line(caught)


def test_a_step_of_lstm_is_the_equations():
    """Kills: gates in another order than the bias of 1 assumes, a state that the output gate has scaled."""
    step = LSTMStep(2)
    x, h, c = (RNG.normal(size=(3, size)).astype(np.float32) for size in (4, 2, 2))
    step.build((None, 4))
    kernel, bias = (weights.astype(np.float64) for weights in step.gates.get_weights())
    np.testing.assert_array_equal(bias, [0, 0, 1, 1, 0, 0, 0, 0])
    i, f, g, o = np.split(np.concatenate([x, h], axis=1) @ kernel + bias, 4, axis=1)

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    hidden, after = step(tf.constant(x), (tf.constant(h), tf.constant(c)))
    rounding = 1e-6  # of sums of terms up to 3 in float32, where they cancel
    np.testing.assert_allclose(after, cell, rtol=1e-5, atol=rounding)
    np.testing.assert_allclose(hidden, sigmoid(o) * np.tanh(cell), rtol=1e-5, atol=rounding)
