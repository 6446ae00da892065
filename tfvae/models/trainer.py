"""How the models fit into Keras: `compile`, `fit`, `evaluate` and the figures that they report."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError

TWO_PASSES_DIFFER = (
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
)


class Trainer(keras.Model):
    """A Keras model that brings its own loss, reads its inputs alone and reports means over examples."""

    def __call__(self, x, *args, **kwargs):
        """Checks the examples, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(x):
            x = self.check_examples(x)
        return super().__call__(x, *args, **kwargs)

    def make_train_function(self, force=False):
        """Makes the optimiser's variables first: a first step that fails for bad input does not spoil the next."""
        with self.distribute_strategy.scope():
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing, as `compile` builds the model. Keras' own takes a batch from the data and averages it over the
        replicas, which fails where they hold different numbers of rows."""

    def compile(self, optimizer="adam", *, loss=None, metrics=None, jit_compile=False, **kwargs):
        """Configures training; the loss is minus the estimator's bound and is not given.

        Args:
            optimizer: a Keras optimiser or its name.
            loss, metrics: None.
            jit_compile: whether XLA compiles the whole step.
            **kwargs: as `keras.Model.compile` takes them.

        Raises:
            UserError: if `loss` or `metrics` is given, or a layer makes particles depend on each other or draws noise
                of its own while the backward pass is resampled.
        """
        if loss is not None or metrics is not None:
            raise UserError(
                "a latent-variable model brings its own loss and metrics",
                expected="compile(optimizer=...)",
                received=f"loss={loss!r}, metrics={metrics!r}",
            )
        if not self.built:
            self.build()
        self._check_layers()
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def _check_layers(self):
        """With `backward_particles` a step runs twice, forward with K particles and backward with m."""
        unfit = [
            layer.name
            for layer in self._flatten_layers()
            if isinstance(layer, TWO_PASSES_DIFFER) or getattr(layer, "adapts", False)
        ]
        if self.backward_particles and unfit:
            raise UserError(
                "a resampled backward pass needs layers that treat each particle alone",
                expected="no batch normalisation, no dropout and no optimal scale",
                received=", ".join(unfit),
                fix="set backward_particles=0",
            )

    def compile_from_config(self, config):
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, sample_weight=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`; targets are ignored, and sample weights need none.

        The loss of a batch is sum_b sample_weight[b] loss[b] / B, plus the layers' own losses, such as regularisers.

        Raises:
            UserError: if `x` is an array with values that the likelihood cannot score.
        """
        self.check_support(x)
        if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
            held_out, targets, weight = validation_data
            validation_data = (held_out, _targets(held_out, targets, weight), weight)
        y = _targets(x, y, sample_weight)
        return super().fit(
            x, y, *args, sample_weight=sample_weight, validation_data=validation_data, **kwargs
        )

    def evaluate(self, x=None, y=None, *args, sample_weight=None, **kwargs):
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_support(x)
        y = _targets(x, y, sample_weight)
        return super().evaluate(x, y, *args, sample_weight=sample_weight, **kwargs)

    @property
    def metrics(self):
        """The running means of the figures, and the count of batches that seeds `evaluate`."""
        return [*self._means.values(), self._test_batches]

    def get_metrics_result(self):
        """Returns the figures so far by name; Keras asks again when an epoch ends, outside the replicas, which gives
        those of all of them."""
        return {name: mean.result() for name, mean in self._means.items()}

    def _follow(self, names):
        """Keeps a running mean of each of these figures, and counts the batches of an evaluation."""
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        self._test_batches = keras.metrics.Sum(name="test_batches")

    def _report(self, figures, weight):
        """Takes in the figures of a batch, name to [B], with the examples' weights, which the loss holds already."""
        for name, mean in self._means.items():
            mean.update_state(figures[name], sample_weight=None if name == "loss" else weight)
        return self.get_metrics_result()


def _targets(x, y, sample_weight):
    """Returns `y`, or zeros where Keras would forget the sample weights of an array for want of targets."""
    return tf.zeros(len(x)) if y is None and sample_weight is not None and hasattr(x, "shape") else y
