"""Which weights a model's optimiser was made for, and how they and it come back from a file."""

from __future__ import annotations

import keras


class Optimized:
    """For a Keras model that is built when it is compiled: its optimiser is too, for the weights trainable then.

    Weights may be frozen after that, while the optimiser still holds its state for them. A file tells so, that the
    state finds its place again.
    """

    compiles: bool | str = "auto"
    _optimized: tuple[int, ...] = ()  # places in `weights`
    _to_optimize: tuple[int, ...] = ()

    def _build_optimizer(self):
        """Makes the variables of the optimiser."""
        weights = self.weights
        self._optimized = self._to_optimize or self._trainable_places()
        with self.distribute_strategy.scope():
            self.optimizer.build([weights[place] for place in self._optimized])

    def _trainable_places(self):
        trainable = {id(variable) for variable in self.trainable_variables}
        return tuple(place for place, variable in enumerate(self.weights) if id(variable) in trainable)

    def get_compile_config(self):
        """Returns the arguments of `compile`, and the places of the optimiser's weights where others are trainable."""
        config = super().get_compile_config()
        if not config:
            return config
        differ = self._optimized != self._trainable_places()
        config |= {"metrics": None, "jit_compile": self.compiles}
        return config | ({"optimized": self._optimized} if differ else {})

    def compile_from_config(self, config):
        """Compiles a loaded model as the saved one was."""
        arguments = keras.saving.deserialize_keras_object(config)
        self._to_optimize = tuple(arguments.pop("optimized", ()))
        self.compile(**arguments)
        self._to_optimize = ()
