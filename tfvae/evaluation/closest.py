"""What a generator makes in the place of an example: samples of p(z|x) by annealed chains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError
from tfvae.evaluation.ais import examples_at_once
from tfvae.evaluation.annealing import Annealing
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.estimate import of_log_weights
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.schedules import temperatures_of
from tfvae.models.contract import Implicit


@dataclass(frozen=True, repr=False)
class Closest:
    """What a generator makes in the place of N examples.

    Attributes:
        samples: g(z) of a draw z from p(z|x) for each example, [N, *event_shape].
        log_prob: estimate of log p(x), [N], nats; the examples with the lowest are those that it cannot make.
    """

    samples: np.ndarray
    log_prob: np.ndarray

    def __repr__(self) -> str:
        """The number of examples and the range of log p(x), in one line."""
        lowest, highest = self.log_prob.min(), self.log_prob.max()
        return f"<{type(self).__name__}: N = {len(self.log_prob):,}, log p(x) {lowest:.2f} to {highest:.2f} nats>"


def closest_samples(
    model: Implicit, data: Any, num_temperatures: int = 500, num_chains: int = 16, *, seed: int = 0
) -> Closest:
    """Draws z from p(z|x) of each example and returns g(z), which shows what of x the generator can make.

    Chains are annealed as by `ais`; of their ends one is drawn in proportion to its weight.

    Args:
        model: `Implicit` model with an observation scale.
        data: see `log_marginal`.
        num_temperatures, num_chains, seed: see `ais`.

    Returns:
        result: `Closest`.

    Raises:
        UserError: see `ais`, and if the model is not implicit.

    Example:
        >>> import numpy as np, keras, tfvae
        >>> parts = keras.layers.Dense(3), keras.layers.Dense(1)
        >>> model = tfvae.GAN(*parts, prior=tfvae.distributions.StandardNormal(2), observation_scale=0.5)
        >>> x = np.ones((4, 3), "float32")
        >>> tfvae.evaluation.closest_samples(model, x, num_temperatures=5, num_chains=2).samples.shape
        (4, 3)

    References:
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        the experiments on missing modes, with posterior samples of annealed chains.
    """
    if not isinstance(model, Implicit):
        raise UserError(
            "posterior samples of chains are those of a generator without a likelihood",
            expected="an implicit model such as a GAN",
            received=f"a {type(model).__name__}",
            fix="reconstruct shows what a model with q(z|x) makes of an example",
        )
    data = as_examples(model, data)
    seeds = random.fold(random.as_seed(seed), "closest")
    annealing = Annealing(model, "prior", num_chains, 3, seeds)
    temperatures = temperatures_of(model, None, num_temperatures)

    def draw(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        steps = annealing.step_sizes(x, start, temperatures)
        *_, end = annealing.stages(x, start, temperatures, steps)
        noise = random.PhiloxNoise(random.fold(seeds, "choice"), stop - start, start)
        uniform = np.maximum(noise.uniform("chain", num_chains, 1).numpy()[..., 0], 1e-30)
        chosen = np.argmax(end.log_weights - np.log(-np.log(uniform)), axis=0)
        z = tf.gather(tf.transpose(end.z, [1, 0, 2]), chosen, batch_dims=1)
        (latents,) = annealing.path.unpack(z)
        samples = model.generator(x).likelihood(latents)[0]
        log_prob = of_log_weights(end.log_weights, start)[:1]
        return np.concatenate([log_prob, np.reshape(samples, [stop - start, -1]).T])

    log_prob, *columns = in_blocks(len(data), examples_at_once(model, num_chains, None), draw, rows=data.rows)
    samples = np.stack(columns, axis=-1).reshape(-1, *model.event_shape).astype(np.float32)
    return Closest(samples, log_prob)
