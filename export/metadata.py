"""The description of an export: JSON for people and programs that have neither tfvae nor TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tfvae.export.warmup import MODEL_NAME


def describe(model, table, *, num_samples: int, batch_sizes: Sequence[int]) -> dict[str, Any]:
    """Returns what each signature takes and gives, with an example request of one row for REST and gRPC.

    The gRPC example is the JSON form of a tensorflow.serving.PredictRequest.
    """
    shapes = {"event_shape": model.event_shape}
    if model.latents:
        shapes["latent_shape"] = model.posterior_head.event_shape
    if model.takes_condition:
        shapes["condition_shape"] = model.condition_shape
    return {
        "model": type(model).__name__,
        **{name: list(shape) for name, shape in shapes.items()},
        "num_samples": num_samples,
        "allowed_batch_sizes": list(batch_sizes),
        "signatures": {name: _signature(row) for name, row in table.items()},
    }


def _signature(row) -> dict[str, Any]:
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


def _tensor(spec, meaning) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list(), "meaning": meaning}


def _value(spec) -> list:
    return [7, 0] if spec.dtype.is_integer else [0.0] * math.prod(spec.shape[1:])


def _nested(values, shape):
    for size in reversed(shape[1:]):
        values = [values[start : start + size] for start in range(0, len(values), size)]
    return values


def _proto(spec) -> dict[str, Any]:
    kind, field = ("DT_INT32", "intVal") if spec.dtype.is_integer else ("DT_FLOAT", "floatVal")
    sizes = [{"size": str(size)} for size in [1, *spec.shape[1:]]]
    return {"dtype": kind, "tensorShape": {"dim": sizes}, field: _value(spec)}
