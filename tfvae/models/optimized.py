"""Which weights a model's optimisers were made for, and how they and it come back from a file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import keras

Places = tuple[int, ...]
KerasPart: Any = keras.Model if TYPE_CHECKING else object  # what becomes part of a Keras model


class Optimized(KerasPart):
    """For a Keras model that is built when it is compiled: so are its optimisers, for the weights trainable then.

    Weights may be frozen after that, while an optimiser still holds its state for them. A file says so, so that the
    state finds its place again.
    """

    compiles: bool | str = "auto"
    _optimized: Mapping[str, Places] = MappingProxyType({})  # for each optimiser, its places in `weights`
    _to_optimize: Mapping[str, Places] = MappingProxyType({})

    def moved_weights(self) -> list:
        """Returns the weights that `optimizer` moves."""
        return self.trainable_variables

    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, list]]:
        """Returns the optimisers: name in a file to the optimiser and the weights that it moves.

        A name ends in "optimized", where that of the argument of `compile` ends in "optimizer".
        """
        return {"optimized": (self.optimizer, self.moved_weights())}

    def _build_optimizer(self) -> None:
        """Makes the variables of the optimisers."""
        weights = self.weights
        self._optimized = self._trainable_places() | dict(self._to_optimize)
        with self.distribute_strategy.scope():
            for name, (optimizer, _) in self.optimizers().items():
                optimizer.build([weights[place] for place in self._optimized[name]])

    def _trainable_places(self) -> dict[str, Places]:
        places = {id(variable): place for place, variable in enumerate(self.weights)}
        return {
            name: tuple(sorted(places[id(variable)] for variable in trainable))
            for name, (_, trainable) in self.optimizers().items()
        }

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile`, and an optimiser's places in the weights where others are trainable."""
        config = super().get_compile_config()
        if not config:
            return config
        trainable = self._trainable_places()
        config |= {"metrics": None, "jit_compile": self.compiles}
        config |= {
            f"{name.removesuffix('optimized')}optimizer": keras.saving.serialize_keras_object(optimizer)
            for name, (optimizer, _) in self.optimizers().items()
            if name != "optimized"  # Keras' own
        }
        return config | {
            name: places for name, places in self._optimized.items() if places != trainable[name]
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was."""
        arguments = keras.saving.deserialize_keras_object(config)
        names = [name for name in arguments if name.endswith("optimized")]
        self._to_optimize = {name: tuple(arguments.pop(name)) for name in names}
        self.compile(**arguments)
        self._to_optimize = {}
