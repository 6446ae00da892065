"""The description of an export, as JSON for readers without tfvae and TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfvae.export.signatures import Signature
from tfvae.export.warmup import MODEL_NAME
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Generative


def describe(
    model: Any, table: Mapping[str, Signature], *, num_samples: int, batch_sizes: Sequence[int]
) -> dict[str, Any]:
    """Returns the inputs and outputs of each signature, with an example request of one row for REST and gRPC.

    The gRPC example is the JSON form of a tensorflow.serving.PredictRequest.

    Args:
        model: tfvae model.
        table: signatures of the model by name.
        num_samples: number of particles K of the signature `log_prob`.
        batch_sizes: batch sizes to which the server pads requests.

    Returns:
        description: JSON object.
    """
    shapes = {"event_shape": model.event_shape}
    if isinstance(model, Generative):
        shapes["latent_shape"] = model.latent_shapes[0]
    if isinstance(model, Conditional):
        shapes["condition_shape"] = model.condition_shape
    return {
        "model": type(model).__name__,
        **{name: list(shape) for name, shape in shapes.items()},
        "num_samples": num_samples,
        "allowed_batch_sizes": list(batch_sizes),
        "signatures": {name: _signature(row) for name, row in table.items()},
    }


def _signature(row: Signature) -> dict[str, Any]:
    outputs = row.concrete.structured_outputs
    return {
        "meaning": row.meaning,
        "inputs": {name: _tensor(spec, row.input_meanings[name]) for name, spec in row.inputs.items()},
        "outputs": {name: _tensor(outputs[name], row.output_meanings[name]) for name in row.output_meanings},
        "example": {
            "rest": {
                "method": "POST",
                "path": f"/v1/models/{MODEL_NAME}:predict",
                "body": {
                    "signature_name": row.name,
                    "instances": [
                        {name: _nested(_value(spec), spec.shape[1:]) for name, spec in row.inputs.items()}
                    ],
                },
            },
            "grpc": {
                "modelSpec": {"name": MODEL_NAME, "signatureName": row.name},
                "inputs": {name: _proto(spec) for name, spec in row.inputs.items()},
            },
        },
    }


def _tensor(spec: tf.TensorSpec, meaning: str) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list(), "meaning": meaning}


def _value(spec: tf.TensorSpec) -> list[Any]:
    return [7, 0] if spec.dtype.is_integer else [0.0] * math.prod(spec.shape[1:])


def _nested(values: list[Any], shape: tf.TensorShape) -> list[Any]:
    for size in reversed(shape[1:]):
        values = [values[start : start + size] for start in range(0, len(values), size)]
    return values


def _proto(spec: tf.TensorSpec) -> dict[str, Any]:
    kind, field = ("DT_INT32", "intVal") if spec.dtype.is_integer else ("DT_FLOAT", "floatVal")
    sizes = [{"size": str(size)} for size in [1, *spec.shape[1:]]]
    return {"dtype": kind, "tensorShape": {"dim": sizes}, field: _value(spec)}
