"""What Keras offers of any model, for models that are not yet built and never called too."""

from __future__ import annotations

from typing import Any

import keras

from tfvae.models import checking
from tfvae.models.optimized import KerasPart


class Protocols(KerasPart):
    """Methods of `keras.Model` that need a built model, and its shapes."""

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.load_weights`, of a model that is not yet built too."""
        self._build_once()
        super().load_weights(filepath, *args, **kwargs)

    def save_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save_weights`, of a model that is not yet built too."""
        self._build_once()
        super().save_weights(filepath, *args, **kwargs)

    def set_weights(self, weights: Any) -> None:
        """As `keras.Model.set_weights`, of a model that is not yet built too."""
        self._build_once()
        super().set_weights(weights)

    def count_params(self) -> int:
        """As `keras.Model.count_params`, of a model that is not yet built too."""
        self._build_once()
        return super().count_params()

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of what the model gives when it is called."""
        return (input_shape[0], *self.event_shape)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> keras.KerasTensor:
        """Returns the shape and the dtype of what the model gives when it is called."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.export`: what the model gives when it is called, without checks of the values; see
        `tfvae.export` for more than that."""
        self._build_once()
        if input_signature is None:
            input_signature = [keras.InputSpec(dtype="float32", shape=(None, *self.input_event_shape))]
        with checking.unchecked():
            super().export(filepath, format, verbose, input_signature, **kwargs)

    def _build_once(self) -> None:
        if not self.built:
            self.build()

    @property
    def input_event_shape(self) -> tuple[int, ...]:
        """Shape of one example of what the model is called on."""
        return self.event_shape
