"""Warm-up requests, which TensorFlow Serving runs before a model answers clients."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.export.signatures import Signature

MODEL_NAME = "tfvae"  # name of the model in export/serving/models.config
FILE = "assets.extra/tf_serving_warmup_requests"


def write(table: Mapping[str, Signature], folder: Path, batch_sizes: Sequence[int]) -> None:
    """Writes a request for each signature and batch size. Without tensorflow-serving-api, warns and writes none."""
    if importlib.util.find_spec("tensorflow_serving") is None:
        warnings.warn(
            "no warm-up requests in the export: tensorflow-serving-api is not installed; the first requests of each "
            "kind will be slow; `pip install tfvae[serving]` and export again",
            stacklevel=3,
        )
        return
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in table.values():
            for size in batch_sizes:
                request = predict_pb2.PredictRequest()
                request.model_spec.name = MODEL_NAME
                request.model_spec.signature_name = signature.name
                for name, spec in signature.inputs.items():
                    value = np.zeros([size, *spec.shape[1:]], spec.dtype.as_numpy_dtype)
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
