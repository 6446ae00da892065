"""Adam with one operation for each variable."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae import compat


@keras.saving.register_keras_serializable(package="tfvae")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` with one fused operation for each variable:

        m <- m + (g - m) (1 - beta_1)
        v <- v + (g^2 - v) (1 - beta_2)
        w <- w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    Arguments are those of Keras, and so are the results, up to rounding. With `amsgrad`, and for variables that are
    neither float32 nor float64, the update is Keras' own.

    References:
        Kingma, Ba: Adam: a method for stochastic optimization (2015), the last paragraph of section 2.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: float | tf.Tensor
    ) -> None:
        """Updates one variable.

        Args:
            gradient: gradient of the loss, of the variable's shape.
            variable: trainable variable.
            learning_rate: positive scalar.
        """
        dtype = tf.as_dtype(variable.dtype)
        if self.amsgrad or dtype not in (tf.float32, tf.float64):
            super().update_step(gradient, variable, learning_rate)
            return
        first, second = compat.adam_moments(self, variable)
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=compat.handle_of(variable),
            m=compat.handle_of(first),
            v=compat.handle_of(second),
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
