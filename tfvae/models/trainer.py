"""How the models fit into Keras: `compile`, `fit`, `evaluate` and the figures that they report."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import compiled, replicas
from tfvae.models.means import Means

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

    compiles = "auto"

    def __call__(self, x, *args, **kwargs):
        """Checks the examples, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(x):
            x = self.check_examples(x)
        return super().__call__(x, *args, **kwargs)

    def make_train_function(self, force=False):
        """As Keras', but with figures of all replicas."""
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

    def compile(self, optimizer="adam", *, loss=None, metrics=None, jit_compile="auto", **kwargs):
        """Configures training; the loss is minus the estimator's bound and is not given.

        Args:
            optimizer: a Keras optimiser or its name.
            loss, metrics: None.
            jit_compile: what XLA compiles: "auto" the large log-densities; True the training step, all but its random
                numbers, so that noise is the same; False nothing.
            **kwargs: as `keras.Model.compile` takes them.

        Raises:
            UserError: if `loss` or `metrics` is given; if a layer makes particles depend on each other or draws noise
                of its own while the backward pass is resampled; for `jit_compile` with several replicas.
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
        replicas = self.distribute_strategy.num_replicas_in_sync
        self.compiles = compiled.check(jit_compile, kwargs.get("run_eagerly", False), replicas)
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)
        with self.distribute_strategy.scope():
            self.optimizer.build(self.trainable_variables)

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

    def get_compile_config(self):
        """Returns the arguments of `compile`."""
        config = super().get_compile_config()
        return config | {"jit_compile": self.compiles} if config else config

    def compile_from_config(self, config):
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, x=None, y=None, *args, sample_weight=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`; targets are ignored, and sample weights need none.

        The loss of a batch is sum_b sample_weight[b] loss[b] / B, plus the layers' own losses, such as regularisers.

        Raises:
            UserError: if `x` is an array with values that the likelihood cannot score, or XLA cannot compile the step.
        """
        self.check_support(x)
        if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
            held_out, targets, weight = validation_data
            validation_data = (held_out, _targets(held_out, targets, weight), weight)
        y = _targets(x, y, sample_weight)
        x, steps = self._cut(x, kwargs.pop("steps_per_epoch", None))
        validation_data, held_out_steps = self._cut(validation_data, kwargs.pop("validation_steps", None))
        with compiled.told_in_one_line():
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

    def evaluate(self, x=None, y=None, *args, sample_weight=None, return_dict=False, **kwargs):
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_support(x)
        y = _targets(x, y, sample_weight)
        x, steps = self._cut(x, kwargs.pop("steps", None))
        options = {"sample_weight": sample_weight, "steps": steps, "return_dict": True}
        figures = super().evaluate(x, y, *args, **options, **kwargs)
        return figures if return_dict else [figures[name] for name in self.metrics_names]

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
    def metrics_names(self):
        """The figures' names, the loss first."""
        return list(self._means.names)

    @property
    def metrics(self):
        """The running means of the figures, and the count of batches that seeds `evaluate`."""
        return [self._means, self._test_batches]

    def get_metrics_result(self):
        """Returns the figures so far by name; Keras asks again when an epoch ends, outside the replicas, which gives
        those of all of them."""
        return self._means.result()

    def _follow(self, names):
        """Keeps a running mean of each of these figures, and counts the batches of an evaluation."""
        self._means = Means(names)
        self._test_batches = keras.metrics.Sum(name="test_batches")

    def _report(self, figures, weight, num_rows=None):
        """Takes in the figures of a batch, name to [B], with the examples' weights, which the loss holds already; of
        the first `num_rows` rows."""
        weights = dict.fromkeys(figures, weight) | {"loss": tf.ones_like(weight)}
        self._means.update_state(
            *({name: rows[:num_rows] for name, rows in of.items()} for of in (figures, weights))
        )
        if not tf.distribute.has_strategy():
            return self.get_metrics_result()
        return {SUMS: tf.stack([self._means.totals.value, self._means.counts.value])[tf.newaxis]}

    def _divided(self, function):
        """Wraps a step function of Keras', which averages what replicas return, to give the figures of them all."""

        def step(iterator):
            logs = function(iterator)
            if SUMS not in logs:
                return logs
            return self._means.divided(*tf.unstack(tf.reshape(logs[SUMS], [2, -1])))

        return step


def _targets(x, y, sample_weight):
    """Returns `y`, or zeros where Keras would forget the sample weights of an array for want of targets."""
    return tf.zeros(len(x)) if y is None and sample_weight is not None and hasattr(x, "shape") else y
