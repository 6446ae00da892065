"""The two ways to ask TensorFlow Serving: REST with the standard library, gRPC with tensorflow-serving-api."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.checks import UserError

DTYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
Specs = dict[str, tuple[dict[str, Any], dict[str, Any]]]  # signature: inputs, outputs; name: (dtype, shape)


class Rest:
    """Asks over HTTP.

    Args:
        url: of the server, such as "http://localhost:8501".
        model: the name under which the server has the model.
        timeout: seconds.
    """

    def __init__(self, url: str, model: str = "tfvae", timeout: float = 60.0) -> None:
        self._base, self._timeout = f"{url.rstrip('/')}/v1/models/{model}", timeout

    def signatures(self) -> Specs:
        """Returns what each signature takes and gives."""
        return _specs(self._ask("/metadata")["metadata"]["signature_def"])

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Returns the outputs of a signature: nested lists by name; under "" where there is only one."""
        columns = {name: value.tolist() for name, value in inputs.items()}
        outputs = self._ask(":predict", {"signature_name": signature, "inputs": columns})["outputs"]
        return outputs if isinstance(outputs, dict) else {"": outputs}

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refused(self._base, error.read().decode(errors="replace")[:500]) from error
        except (OSError, ValueError) as error:
            raise _refused(self._base, str(error)) from error


class Grpc:
    """Asks over gRPC.

    Args:
        address: HOST:PORT.
        model: the name under which the server has the model.
        timeout: seconds.
    """

    def __init__(self, address: str, model: str = "tfvae", timeout: float = 60.0) -> None:
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise UserError(
                "gRPC needs tensorflow-serving-api", fix="`pip install tfvae[serving]`, or use --rest"
            ) from error
        self._address, self._model, self._timeout = address, model, timeout
        self._error = grpc.RpcError
        self._channel = grpc.insecure_channel(address)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def signatures(self) -> Specs:
        """Returns what each signature takes and gives."""
        from google.protobuf import json_format
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._model
        packed = self._ask(self._stub.GetModelMetadata, request).metadata["signature_def"]
        table = get_model_metadata_pb2.SignatureDefMap()
        packed.Unpack(table)
        return _specs(json_format.MessageToDict(table, preserving_proto_field_name=True))

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature by name."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self._model, signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        outputs = self._ask(self._stub.Predict, request).outputs
        return {name: tf.make_ndarray(value) for name, value in outputs.items()}

    def _ask(self, method, request):
        try:
            return method(request, timeout=self._timeout)
        except self._error as error:
            raise _refused(self._address, error.details() or str(error.code())) from error

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()


def _refused(where: str, why: str) -> UserError:
    return UserError(
        f"no answer from {where}", received=why, fix="see that the server runs and has loaded the model"
    )


def _specs(metadata: dict[str, Any]) -> Specs:
    """Reads the JSON form of a SignatureDefMap, names in order: a server gives them in any."""

    def read(side):
        return {
            name: (
                DTYPES.get(info["dtype"], info["dtype"]),
                [_size(dim) for dim in info["tensor_shape"].get("dim", [])],
            )
            for name, info in sorted(side.items())
        }

    return {
        name: (read(signature["inputs"]), read(signature["outputs"]))
        for name, signature in metadata["signature_def"].items()
        if not name.startswith("__")
    }


def _size(dim: dict[str, Any]) -> int | None:
    size = int(dim.get("size", 0))
    return None if size < 0 else size
