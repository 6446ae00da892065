"""How the models fit into Keras: `compile`, `fit`, `evaluate` and the figures that they report."""

from __future__ import annotations

import keras
import numpy as np
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
    """A Keras model that brings its own loss and reports means over examples.

    Attributes:
        takes_condition: whether Keras' inputs are a condition and its targets the examples, see `Conditional`;
            otherwise the inputs are the examples and targets are ignored.
        latents: kind of the latent variables, "continuous" or "discrete"; None for a model without.
        backward_particles: see `LatentVariableModel`.
    """

    takes_condition = False
    latents: str | None = None
    backward_particles = 0

    def check_examples(self, x):
        """Returns a batch of examples as float32 tensors.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define check_examples")

    def check_inputs(self, inputs):
        """Returns what `call` takes as float32 tensors; see `check_examples`."""
        return self.check_examples(inputs)

    def check_data(self, inputs, targets):
        """Checks what arrays among Keras' inputs and targets can be checked before the first step.

        Raises:
            UserError: if they do not fit the model.
        """
        self.check_support(inputs)

    def examples_of(self, inputs, targets):
        """Returns what the model scores of Keras' inputs and targets, checked; targets are ignored."""
        return self.check_examples(inputs)

    def check_support(self, x):
        """Checks that an array holds values that the likelihood can score; NaNs are left to others.

        Raises:
            UserError: if it does not.
        """
        low, high = self.likelihood_head.support
        if isinstance(x, np.ndarray) and x.size and (x.min() < low or x.max() > high):
            raise UserError(
                f"examples are outside the support of a {type(self.likelihood_head).__name__} likelihood",
                expected=f"values in [{low:g}, {high:g}]",
                received=f"minimum {x.min():g}, maximum {x.max():g}",
                fix="scale the examples, or choose another likelihood",
            )

    def __call__(self, inputs, *args, **kwargs):
        """Checks the inputs, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(inputs):
            inputs = self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

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
        unfit = [layer.name for layer in self._flatten_layers() if isinstance(layer, TWO_PASSES_DIFFER)]
        if self.backward_particles and unfit:
            raise UserError(
                "a resampled backward pass needs layers that treat each particle alone",
                expected="no batch normalisation and no dropout",
                received=", ".join(unfit),
                fix="set backward_particles=0",
            )

    def compile_from_config(self, config):
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, sample_weight=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`; targets are ignored but by a conditional model, and sample weights need none.

        The loss of a batch is sum_b sample_weight[b] loss[b] / B, plus the layers' own losses, such as regularisers.

        Raises:
            UserError: if `x` is an array with values that the likelihood cannot score.
        """
        self.check_data(x, y)
        if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
            held_out, targets, weight = validation_data
            validation_data = (held_out, _targets(held_out, targets, weight), weight)
        y = _targets(x, y, sample_weight)
        return super().fit(
            x, y, *args, sample_weight=sample_weight, validation_data=validation_data, **kwargs
        )

    def evaluate(self, x=None, y=None, *args, sample_weight=None, **kwargs):
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_data(x, y)
        y = _targets(x, y, sample_weight)
        return super().evaluate(x, y, *args, sample_weight=sample_weight, **kwargs)

    def _unpack(self, data):
        """Returns the examples of a batch and their weights [B], 1 where none were given."""
        inputs, targets, weight = keras.utils.unpack_x_y_sample_weight(data)
        examples = self.examples_of(inputs, targets)
        rows = tf.shape(tf.nest.flatten(examples)[0])[:1]
        weight = tf.ones(rows) if weight is None else tf.cast(tf.reshape(weight, [-1]), tf.float32)
        return examples, weight

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
