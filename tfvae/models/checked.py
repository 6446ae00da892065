"""Which checks the data of a model pass before a network or a likelihood sees them."""

from __future__ import annotations

import tensorflow as tf

from tfvae.models import checking
from tfvae.models.parts import known


class Checked:
    """The checks of a model's data. The model has a `likelihood_head` and says what of an example it `scored`."""

    def cast_examples(self, x, **given):
        """Returns a batch of examples as float32 tensors, whatever their values.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define cast_examples")

    def checks(self, examples, scored):
        """Returns the checks of the values of what `cast_examples` gave: that they lie in the likelihood's range, and,
        for `scored`, that it can score each."""
        return [checking.support(self.likelihood_head, self.scored(examples), scored=scored)]

    def check_examples(self, x, **given):
        """Returns a batch of examples as float32 tensors, for a network.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape in the likelihood's range. In a graph
                the values are checked when it runs.
        """
        examples = self.cast_examples(x, **given)
        return checking.gated(examples, *self.checks(examples, scored=False))

    def check_scored(self, x, **given):
        """Returns a batch of examples as `check_examples` does, for the likelihood, which must be able to score it."""
        examples = self.cast_examples(x, **given)
        return checking.gated(examples, *self.checks(examples, scored=True))

    def check_inputs(self, inputs):
        """Returns what `call` takes as float32 tensors; see `check_examples`."""
        return self.check_examples(inputs)

    def check_data(self, inputs, targets):
        """Checks what arrays among Keras' inputs and targets can be checked before the first step.

        Raises:
            UserError: if they do not fit the model.
        """
        if inputs is None:
            self.cast_examples(inputs)
        self.check_support(inputs)

    def examples_of(self, inputs, targets):
        """Returns what the model scores of Keras' inputs and targets, as `cast_examples` does; targets are ignored."""
        return self.cast_examples(inputs)

    def check_support(self, x):
        """Checks that an array, or a tensor outside a graph, holds values that the likelihood can score.

        Raises:
            UserError: if it does not.
        """
        x = known(x)
        if x is not None:
            with tf.device("CPU"):
                x = tf.cast(x, tf.float32)
                checking.gated(x, checking.support(self.likelihood_head, x))
