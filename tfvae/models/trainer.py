"""How the models fit into Keras: `compile`, `fit`, `evaluate` and the figures that they report."""

from __future__ import annotations

import inspect

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.layers import Composite, check_sums
from tfvae.models import checking, compiled, replicas, steps
from tfvae.models.checked import Checked
from tfvae.models.means import Means
from tfvae.models.nonfinite import StopWhenNotFinite
from tfvae.models.optimized import Optimized
from tfvae.models.precision import float32_data
from tfvae.models.protocols import Protocols

TWO_PASSES_DIFFER = (
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
)

FIT_OPTIONS = list(inspect.signature(keras.Model.fit).parameters)[3:]  # after self, x and y
SUMS = "sums"  # what a replica's step returns: [1, 2, figures], the weighted sums of the figures and their weights


class Trainer(Composite, Optimized, Checked, Protocols, keras.Model):
    """A Keras model that brings its own loss and reports means over examples.

    Attributes:
        takes_condition: whether Keras' inputs are a condition and its targets the examples, see `Conditional`;
            otherwise the inputs are the examples and targets are ignored.
        latents: kind of the latent variables, "continuous" or "discrete"; None for a model without.
        backward_particles: see `LatentVariableModel`.
        compiles: what XLA compiles, see `compile`.
    """

    takes_condition = False
    latents: str | None = None
    backward_particles = 0

    def __init__(self, **kwargs):
        layers = (keras.layers.Layer, Composite)
        known = {name for layer in layers for name in inspect.signature(layer.__init__).parameters}
        unknown = sorted(set(kwargs) - known)
        if unknown:
            raise UserError(
                f"{type(self).__name__} does not take {', '.join(unknown)}",
                expected="its own arguments and those of a Keras layer",
            )
        super().__init__(**kwargs)

    def scored(self, x):
        """Returns what the likelihood scores of checked examples."""
        return x

    def score_likelihood(self, x, parameters, training=False):
        """Returns the log-likelihood of checked examples x, B rows, for parameters [K, B, ...]: [K, B], nats."""
        values = self.scored(x)
        if training:
            parameters = self.likelihood_head.adapt(parameters, values, replicas.mean)
        return self.likelihood_head.log_prob(parameters, values)

    def __call__(self, inputs, *args, **kwargs):
        """Checks the inputs, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(inputs):
            inputs = self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def make_train_function(self, force=False):
        """As Keras', but with figures of all replicas."""
        if self.train_function is None or force:
            check_sums(self._flatten_layers())
            super().make_train_function(force)
            self.train_function = compiled.told_in_one_line(
                self._divided(self.train_function), self._training_step
            )
        return self.train_function

    def make_test_function(self, force=False):
        """As Keras', but with figures of all replicas."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = compiled.told_in_one_line(
                self._divided(self.test_function), self._evaluation_batch
            )
        return self.test_function

    def make_predict_function(self, force=False):
        """As Keras', but errors about the data are told in one line."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self.predict_function = compiled.told_in_one_line(self.predict_function)
        return self.predict_function

    def _training_step(self):
        return f"training step {int(steps.taken(self.optimizer)) + 1}"

    def _evaluation_batch(self):
        return f"batch {int(self._test_batches.result()) + 1} of the evaluation"

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
        self.compiles = compiled.check(jit_compile, kwargs.get("run_eagerly", False), replicas)
        super().compile(optimizer=optimizer, metrics=self._means.each(), jit_compile=False, **kwargs)
        for named in self.metrics[2:]:
            named.build(tf.zeros([1]), tf.zeros([1]))
        self._build_optimizer()

    def _compiles_step(self):
        """Whether XLA is to compile the training step as a whole."""
        return self.compiles is True and not tf.executing_eagerly()

    def _take_step(self, num_rows, x, weight, *arguments):
        """Takes the step _learn(x, weight, *arguments, num_rows), or None for all rows where XLA compiles it, for one
        replica."""
        if self._compiles_step():
            with replicas.holding(None, weight):
                return compiled.whole(self._learn, x, weight, *arguments, None)
        with replicas.holding(num_rows, weight):
            return self._learn(x, weight, *arguments, num_rows)

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

    def fit(self, x=None, y=None, *args, sample_weight=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`; targets are ignored but by a conditional model, and sample weights need none.

        The loss of a batch is sum_b sample_weight[b] loss[b] / B, plus the layers' own losses, such as regularisers.

        Raises:
            UserError: if `x`, or that of `validation_data`, holds values that the likelihood cannot score: before the
                first step if it is an array, otherwise before the step that meets them; if the loss is not finite; if
                XLA cannot compile the step.
        """
        self.check_data(x, y)
        options = dict(zip(FIT_OPTIONS, args, strict=False)) | kwargs
        options["callbacks"] = _watched(options.get("callbacks"), StopWhenNotFinite(x, y))
        if validation_data is not None:
            self.check_data(*keras.utils.unpack_x_y_sample_weight(validation_data)[:2])
        if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
            held_out, targets, weight = validation_data
            validation_data = (held_out, _targets(held_out, targets, weight), weight)
        y = _targets(x, y, sample_weight)
        x, epoch_steps = replicas.share(self.distribute_strategy, x, options.pop("steps_per_epoch", None))
        validation_data, held_out_steps = replicas.share(
            self.distribute_strategy, validation_data, options.pop("validation_steps", None)
        )
        with float32_data():
            return super().fit(
                x,
                y,
                sample_weight=sample_weight,
                validation_data=validation_data,
                steps_per_epoch=epoch_steps,
                validation_steps=held_out_steps,
                **options,
            )

    def evaluate(self, x=None, y=None, *args, sample_weight=None, return_dict=False, **kwargs):
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_data(x, y)
        y = _targets(x, y, sample_weight)
        x, count = replicas.share(self.distribute_strategy, x, kwargs.pop("steps", None))
        options = {"sample_weight": sample_weight, "steps": count, "return_dict": True}
        with float32_data():
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
        with float32_data():
            return super().predict(x, *args, **kwargs)

    def train_on_batch(self, *args, return_dict=False, **kwargs):
        """As `keras.Model.train_on_batch`; a list of figures is in the order of `metrics_names`."""
        figures = super().train_on_batch(*args, return_dict=True, **kwargs)
        return figures if return_dict else [figures[name] for name in self.metrics_names]

    def test_on_batch(self, *args, return_dict=False, **kwargs):
        """As `keras.Model.test_on_batch`; a list of figures is in the order of `metrics_names`."""
        figures = super().test_on_batch(*args, return_dict=True, **kwargs)
        return figures if return_dict else [figures[name] for name in self.metrics_names]

    @property
    def metrics_names(self):
        """The figures' names, the loss first."""
        return list(self._means.names)

    def _unpack(self, data):
        """Returns the checked examples of a batch and their weights [B], 1 where none were given."""
        inputs, targets, weight = keras.utils.unpack_x_y_sample_weight(data)
        examples = self.examples_of(inputs, targets)
        rows = tf.shape(tf.nest.flatten(examples)[0])[0]
        checks = self.checks(examples, scored=True)
        if weight is None:
            return checking.gated(examples, *checks), tf.ones([rows])
        weight, check = checking.weights(weight, rows)
        return checking.gated((examples, weight), *checks, check)

    @property
    def metrics(self):
        """The running means of the figures, the count of batches that seeds `evaluate`, and, once compiled, the figures
        one by one with the direction in which each is better, for callbacks with mode="auto"."""
        named = [metric for metric in super().metrics if hasattr(metric, "metrics")]
        return [self._means, self._test_batches, *named]

    def get_metrics_result(self):
        """Returns the figures so far by name; Keras asks again when an epoch ends, outside the replicas, which gives
        those of all of them."""
        return self._means.result()

    def _follow(self, names):
        """Keeps a running mean of each of these figures, and counts the batches of an evaluation."""
        self._means = Means(names)
        self._test_batches = keras.metrics.Sum(name="test_batches", dtype="float32")

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


def _watched(callbacks, watcher):
    """Returns the callbacks of `fit` with one more at the end; as they are where they are a list of Keras', which takes
    no more, or one of them ends training at NaN."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten([] if callbacks is None else callbacks)
    if any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks):
        return callbacks
    return [*callbacks, watcher]
