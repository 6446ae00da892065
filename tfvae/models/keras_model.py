"""How a model fits into Keras: `compile`, `fit`, `evaluate` and the metrics that they report."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae import compat
from tfvae.checks import UserError
from tfvae.distributions import log_density
from tfvae.layers import Composite, check_sums
from tfvae.models import checking, replicas, steps, xla
from tfvae.models.checked import Checked
from tfvae.models.fitting import Fitting
from tfvae.models.optimized import Optimized
from tfvae.models.protocols import Protocols
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics, Reporting

TWO_PASSES_DIFFER = (
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
)


class KerasModel(
    Composite, Optimized, Reporting, Checked, Protocols, Fitting, compat.NoSymbolicBuild, keras.Model
):
    """A Keras model that brings its own loss and reports means over examples; it knows no probability.

    A subclass says how to take a step (`learn`) and how to judge a batch (`assess`), and which metrics it reports.

    Attributes:
        backward_particles: see `LatentVariableModel`.
        compiles: what XLA compiles, see `compile`.
    """

    backward_particles = 0

    def __init__(self, **kwargs: Any) -> None:
        layers = (keras.layers.Layer, Composite)
        known = {name for layer in layers for name in inspect.signature(layer.__init__).parameters}
        unknown = sorted(set(kwargs) - known)
        if unknown:
            raise UserError(
                f"{type(self).__name__} does not take {', '.join(unknown)}",
                expected="its own arguments and those of a Keras layer",
            )
        super().__init__(**kwargs)

    @abc.abstractmethod
    def make_parts(self) -> None:
        """Makes every layer that has weights, by sending one example through."""

    @abc.abstractmethod
    def learn(self, batch: Batch) -> Metrics:
        """Takes one training step on a batch and returns what `report` makes of its metrics."""

    @abc.abstractmethod
    def assess(self, batch: Batch) -> Metrics:
        """Returns what `report` makes of the metrics of a batch that is not trained on."""

    def build(self, input_shape: Any = None) -> None:
        """Makes every layer by sending one example through."""
        with tf.init_scope():
            self.make_parts()
        super().build((None, *self.input_event_shape))

    def parts_in_words(self) -> list[str]:
        """Returns what `repr` says of the model, beside its class and the number of its parameters."""
        return []

    def __repr__(self) -> str:
        """The class, its parts and the number of its parameters, in one line."""
        size = f"{self.count_params():,} parameters" if self.built else "not built"
        return f"<{type(self).__name__}: {', '.join([*self.parts_in_words(), size])}>"

    def train_step(self, data: Any) -> Metrics:
        """Takes one training step on a batch of `fit`."""
        with log_density.compiled_densities(xla.LEAST_NUMBERS[self.compiles]):
            return self.learn(self._batch(data))

    def test_step(self, data: Any) -> Metrics:
        """Reports the metrics of a batch of `evaluate`."""
        with log_density.compiled_densities(xla.LEAST_NUMBERS[self.compiles]):
            return self.assess(self._batch(data))

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Checks the inputs, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(inputs):
            inputs = self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    train_function: Any
    test_function: Any
    predict_function: Any

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """As Keras', but with metrics of all replicas."""
        if self.train_function is None or force:
            check_sums(compat.layers_of(self))
            super().make_train_function(force)
            self.train_function = xla.told_in_one_line(
                self._divided(self.train_function), self._training_step
            )
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable[..., Any]:
        """As Keras', but with metrics of all replicas."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = xla.told_in_one_line(
                self._divided(self.test_function), self._evaluation_batch
            )
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Callable[..., Any]:
        """As Keras', but errors about the data are told in one line."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self.predict_function = xla.told_in_one_line(self.predict_function)
        return self.predict_function

    def steps_taken(self) -> tf.Tensor:
        """Returns the training steps taken so far, which seed their noise: scalar int64."""
        return steps.taken(self.optimizer)

    def _training_step(self) -> str:
        return f"training step {int(self.steps_taken()) + 1}"

    def _evaluation_batch(self) -> str:
        return f"batch {int(self._test_batches.result()) + 1} of the evaluation"

    def compile(
        self,
        optimizer: Any = "adam",
        *,
        loss: None = None,
        metrics: None = None,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        """Configures training; the model brings its own loss.

        Args:
            optimizer: a Keras optimiser or its name.
            loss, metrics: None.
            jit_compile: what XLA compiles: "auto" the large log-densities; True the training step, all but its random
                numbers, so that noise is the same; False nothing.
            **kwargs: as `keras.Model.compile` takes them.

        Raises:
            UserError: if `loss` or `metrics` is given; if a layer makes particles depend on each other or draws noise
                of its own while the backward pass is resampled; if the estimator cannot train layers in float16; for
                `jit_compile` with several replicas.
        """
        if loss is not None or metrics is not None:
            raise UserError(
                "a latent-variable model brings its own loss and metrics",
                expected="compile(optimizer=...)",
                received=f"loss={loss!r}, metrics={metrics!r}",
            )
        self._build_once()
        self._check_layers()
        replicas = self.distribute_strategy.num_replicas_in_sync
        self.compiles = xla.check(jit_compile, kwargs.get("run_eagerly", False), replicas)
        super().compile(optimizer=optimizer, metrics=self._means.each(), jit_compile=False, **kwargs)
        for named in self.metrics[2:]:
            named.build(tf.zeros([1]), tf.zeros([1]))
        self._build_optimizer()

    def compiles_step(self) -> bool:
        """Returns whether XLA is to compile the training step as a whole."""
        return self.compiles is True and not tf.executing_eagerly()

    def take_step(self, step: Callable[..., Metrics], batch: Batch, *arguments: Any) -> Metrics:
        """Returns step(batch, *arguments), which XLA compiles where `compile` was told so."""
        if self.compiles_step():
            return xla.whole(step, batch._replace(num_rows=None), *arguments)
        return step(batch, *arguments)

    def apply(self, gradients: list[tf.Tensor | None]) -> None:
        """Moves `moved_weights` along the gradients of a loss."""
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = replicas.agree(gradients)
        self.optimizer.apply(gradients, self.moved_weights())

    def regularization(self) -> tf.Tensor:
        """Returns the sum of the layers' own losses, such as regularisers: a scalar."""
        return tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in self.losses])

    def _check_layers(self) -> None:
        """With `backward_particles` a step runs twice, forward with K particles and backward with m."""
        unfit = [
            layer.name
            for layer in compat.layers_of(self)
            if isinstance(layer, TWO_PASSES_DIFFER) or getattr(layer, "adapts", False)
        ]
        if self.backward_particles and unfit:
            raise UserError(
                "a resampled backward pass needs layers that treat each particle alone",
                expected="no batch normalisation, no dropout and no optimal scale",
                received=", ".join(unfit),
                fix="set backward_particles=0",
            )

    def _batch(self, data: Any) -> Batch:
        """Returns the checked examples of what Keras hands to a step, with their weights, 1 where none were given."""
        inputs, targets, weight = keras.utils.unpack_x_y_sample_weight(data)
        x = self.cast_examples(**self.named(inputs, targets))
        rows = tf.shape(tf.nest.flatten(x)[0])[0]
        checks = self.checks(x, scored=True)
        if weight is None:
            return Batch.of(checking.gated(x, *checks), tf.ones([rows]))
        weight, check = checking.weights(weight, rows)
        return Batch.of(*checking.gated((x, weight), *checks, check))
