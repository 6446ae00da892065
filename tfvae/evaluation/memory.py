"""How large the tensors of an evaluation get, so that its blocks can be cut to fit."""

from __future__ import annotations

import math

import tensorflow as tf

from tfvae import random
from tfvae.examples import Examples

PARTICLES = 101  # a prime: tensors that grow with the particles have a dimension that it divides


def numbers_of_a_particle(model, data: Examples) -> int:
    """Returns how many numbers the largest tensor holds for each particle when a model scores one, at least those of
    an example.

    The graph of scoring 101 particles of one example is made, and not run: tensors of a size that 101 divides are
    taken to grow with the particles. A model keeps the answer.

    Args:
        model: a `tfvae` model with latents.
        data: examples that fit it.
    """
    if not hasattr(model, "numbers_of_a_particle"):
        x = model.check_examples(**data[:1].arguments())

        def score():
            noise = random.PhiloxNoise(random.fold(random.as_seed(0), "memory"), 1, 0)
            return model.score(x, model.encoding(x), PARTICLES, noise).log_weights

        graph = tf.function(score, autograph=False).get_concrete_function().graph
        shapes = [output.shape for op in graph.get_operations() for output in op.outputs]
        sizes = [math.prod(shape) for shape in shapes if shape.is_fully_defined()]
        growing = [size // PARTICLES for size in sizes if size % PARTICLES == 0]
        model.numbers_of_a_particle = max([math.prod(data.x.shape[1:]), *growing])
    return model.numbers_of_a_particle
