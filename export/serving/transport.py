"""Two transports to TensorFlow Serving: REST with the standard library, gRPC with tensorflow-serving-api.

Names, shapes and kinds of numbers of every answer must fit the request, and the numbers must be finite; see
`tfvae.export.serving.answers`. The whole answer has a time limit, and it may not be larger than the request permits.
The list of signatures may have 4 MiB.
"""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.export.serving import answers, request
from tfvae.export.serving.answers import Specs

METADATA_BYTES = 4 * 2**20


class Rest:
    """Requests over HTTP.

    Args:
        url: address of the server, such as "http://localhost:8501".
        model: name of the model on the server.
        timeout: time limit for each answer in seconds, from the first byte sent to the last one read.
    """

    def __init__(self, url: str, model: str = "tfvae", timeout: float = 60.0) -> None:
        self._base = f"{request.base_url(url)}/v1/models/{urllib.parse.quote(_name(model), safe='')}"
        self._timeout = request.seconds(timeout)
        self._specs: Specs | None = None

    def signatures(self) -> Specs:
        """Returns the inputs and outputs of each signature: {name: (inputs, outputs)}, see `Specs`."""
        metadata = self._ask("/metadata", None, METADATA_BYTES).get("metadata")
        table = metadata.get("signature_def") if isinstance(metadata, dict) else None
        self._specs = answers.read_signatures(table, self._base)
        return self._specs

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature by name. Its inputs are arrays [B, ...] by name."""
        columns = {name: value.tolist() for name, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}, allow_nan=False).encode()
        outputs = answers.expected(self._specs or self.signatures(), signature, _rows(inputs))
        return answers.from_json(
            self._ask(":predict", body, answers.json_bytes(outputs)), outputs, self._base
        )

    def _ask(self, path: str, body: bytes | None, most: int) -> dict[str, Any]:
        try:
            content = request.ask(self._base + path, body, self._timeout, most)
        except (OSError, ValueError) as error:
            raise _refused(self._base, str(error)) from error
        return answers.parse(content, self._base)


class Grpc:
    """Requests over gRPC.

    Args:
        address: address of the server, HOST:PORT.
        model: name of the model on the server.
        timeout: time limit for each answer in seconds, from the first byte sent to the last one read.
    """

    def __init__(self, address: str, model: str = "tfvae", timeout: float = 60.0) -> None:
        try:
            import grpc
        except ImportError as error:
            raise _no_grpc() from error
        self._address, self._model, self._timeout = _address(address), _name(model), request.seconds(timeout)
        self._error: type[Exception] = grpc.RpcError
        self._specs: Specs | None = None
        self._channel: Any = None
        self._most = 0
        self._open(METADATA_BYTES)

    def _open(self, most: int) -> None:
        """Opens a channel for answers of at most `most` bytes, unless the present one takes as many."""
        if self._channel is not None and most <= self._most:
            return
        import grpc

        try:
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise _no_grpc() from error
        self.close()
        options = [("grpc.max_receive_message_length", most)]
        self._most, self._channel = most, grpc.insecure_channel(self._address, options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def signatures(self) -> Specs:
        """Returns the inputs and outputs of each signature: {name: (inputs, outputs)}, see `Specs`."""
        from google.protobuf import json_format, message
        from tensorflow_serving.apis import get_model_metadata_pb2

        query = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        query.model_spec.name = self._model
        packed = self._ask("GetModelMetadata", query).metadata["signature_def"]
        table = get_model_metadata_pb2.SignatureDefMap()
        try:
            packed.Unpack(table)
            content = json_format.MessageToDict(table, preserving_proto_field_name=True)
        except (message.DecodeError, json_format.Error, ValueError) as error:
            raise answers.wrong(self._address, "signatures of a tfvae model", f"{error}") from error
        self._specs = answers.read_signatures(content, self._address)
        return self._specs

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature by name. Its inputs are arrays [B, ...] by name."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        outputs = answers.expected(self._specs or self.signatures(), signature, _rows(inputs))
        self._open(65_536 + sum(10 * math.prod(shape) for _, shape in outputs.values()))
        query = predict_pb2.PredictRequest()
        query.model_spec.name, query.model_spec.signature_name = self._model, signature
        for name, value in inputs.items():
            query.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        found = self._ask("Predict", query).outputs
        answers.check_names(found, outputs, self._address)
        return {name: self._array(name, found[name], *outputs[name]) for name in outputs}

    def _array(self, name: str, proto: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        import tensorflow as tf

        should = f"{name} {dtype} {list(shape)}"
        sizes = [dim.size for dim in proto.tensor_shape.dim]
        if proto.dtype != tf.as_dtype(dtype).as_datatype_enum or sizes != list(shape):
            raise answers.wrong(self._address, should, f"dtype {proto.dtype} of shape {sizes}")
        try:
            array = tf.make_ndarray(proto)
        except (TypeError, ValueError) as error:
            raise answers.wrong(self._address, should, f"{error}") from error
        return answers.checked(name, array, dtype, shape, self._address)

    def _ask(self, method: str, query: Any) -> Any:
        try:
            return getattr(self._stub, method)(query, timeout=self._timeout)
        except self._error as error:
            status: Any = error
            raise _refused(self._address, status.details() or str(status.code())) from error

    def close(self) -> None:
        """Closes the connection."""
        if self._channel is not None:
            self._channel.close()


def _rows(inputs: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(inputs.values())))


def _name(model: Any) -> str:
    if not isinstance(model, str) or not model or not model.isprintable():
        raise UserError("the model has no name", expected="its name on the server", received=ascii(model))
    return model


def _address(address: Any) -> str:
    if (
        not isinstance(address, str)
        or not address
        or not (address.isascii() and address.isprintable())
        or " " in address
    ):
        raise UserError(
            "the server's address is wrong",
            expected="HOST:PORT, such as localhost:8500",
            received=ascii(address),
        )
    return address


def _no_grpc() -> UserError:
    return UserError("gRPC needs tensorflow-serving-api", fix="`pip install tfvae[serving]`, or use --rest")


def _refused(where: str, why: str) -> UserError:
    return UserError(
        f"no answer from {where}",
        received=why[: answers.MOST_WORDS],
        fix="see that the server runs and has loaded the model",
    )
