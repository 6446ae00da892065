"""How the models fit into Keras: `compile`, `fit`, `evaluate` and the figures that they report."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import replicas

TWO_PASSES_DIFFER = (
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
)

SUMS = (
    "sums"  # what a replica's step returns: [1, figures, 2], for each figure its weighted sum and its weight
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
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._divided(self.train_function)
        return self.train_function

    def make_test_function(self, force=False):
        """As Keras', but with figures of all replicas."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._divided(self.test_function)
        return self.test_function

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
        x, steps = self._cut(x, kwargs.pop("steps_per_epoch", None))
        validation_data, held_out_steps = self._cut(validation_data, kwargs.pop("validation_steps", None))
        return super().fit(
            x,
            y,
            *args,
            sample_weight=sample_weight,
            validation_data=validation_data,
            steps_per_epoch=steps,
            validation_steps=held_out_steps,
            **kwargs,
        )

    def evaluate(self, x=None, y=None, *args, sample_weight=None, **kwargs):
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_support(x)
        y = _targets(x, y, sample_weight)
        x, steps = self._cut(x, kwargs.pop("steps", None))
        return super().evaluate(x, y, *args, sample_weight=sample_weight, steps=steps, **kwargs)

    def predict(self, x, *args, **kwargs):
        """As `keras.Model.predict`, in one process.

        Raises:
            UserError: under several workers, whose predictions Keras would put together out of order.
        """
        if replicas.several_workers(self.distribute_strategy):
            raise UserError(
                "predict does not share its data over several workers",
                expected="one process that loads the saved model",
                fix="or call the model on a batch",
            )
        return super().predict(x, *args, **kwargs)

    def _cut(self, x, steps):
        """Returns a data set as its replica's parts, without end, and its steps, where several workers share it.

        Raises:
            UserError: if it is no data set, whose order all workers share, or has neither steps nor an end.
        """
        strategy = self.distribute_strategy
        if (
            x is None
            or not replicas.several_workers(strategy)
            or isinstance(x, tf.distribute.DistributedDataset)
        ):
            return x, steps
        if not isinstance(x, tf.data.Dataset):
            raise UserError(
                "several workers need the same batches",
                expected="a tf.data.Dataset of global batches, the same in every worker",
                received=type(x).__name__,
                fix="tf.data.Dataset.from_tensor_slices(x).batch(...)",
            )
        steps = int(x.cardinality()) if steps is None else steps
        if steps < 0:
            raise UserError(
                "several workers need to know when an epoch ends",
                expected="the number of steps, or a data set that knows its own",
                received="a data set of infinite or unknown length",
            )
        return replicas.cut(x, strategy), steps

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

    def _report(self, figures, weight, num_rows):
        """Takes in the figures of a batch, name to [B], with the examples' weights, which the loss holds already; of
        the first `num_rows` rows."""
        for name, mean in self._means.items():
            mean.update_state(
                figures[name][:num_rows], sample_weight=None if name == "loss" else weight[:num_rows]
            )
        if not tf.distribute.has_strategy():
            return self.get_metrics_result()
        sums = [tf.stack([mean.total.value, mean.count.value]) for mean in self._means.values()]
        return {SUMS: tf.stack(sums)[tf.newaxis]}

    def _divided(self, function):
        """Wraps a step function of Keras', which averages what replicas return, to give the figures of them all."""

        def step(iterator):
            logs = function(iterator)
            if SUMS not in logs:
                return logs
            totals, counts = tf.unstack(tf.reshape(logs[SUMS], [-1, 2]), axis=1)
            return dict(zip(self._means, tf.unstack(tf.math.divide_no_nan(totals, counts)), strict=True))

        return step


def _targets(x, y, sample_weight):
    """Returns `y`, or zeros where Keras would forget the sample weights of an array for want of targets."""
    return tf.zeros(len(x)) if y is None and sample_weight is not None and hasattr(x, "shape") else y
