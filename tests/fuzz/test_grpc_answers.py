"""What a server answers over gRPC is held to what it was asked: all else is told in one line.

Mutations, each seen to break a test here: a tensor that is filled up to the shape that it claims, NaN let through,
another dtype cast, one output too many dropped, an answer of any size.
"""

import numpy as np
import pytest
from kit.fuzz import generator
from kit.served import ROWS, SHAPES, garbled, metadata, one_line, right

from tfvae.checks import UserError
from tfvae.export.serving import client as command
from tfvae.export.serving.client import Client
from tfvae.export.serving.transport import Grpc


def proto(dtype=1, shape=(ROWS, 2, 3), **fields):
    from tensorflow.core.framework import tensor_pb2

    tensor = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in shape:
        tensor.tensor_shape.dim.add().size = size
    return tensor


def reply(**outputs):
    from tensorflow_serving.apis import predict_pb2

    message = predict_pb2.PredictResponse()
    good = {
        name: proto(shape=(ROWS, *shape), float_val=np.ravel(right()["outputs"][name]))
        for name, shape in SHAPES.items()
    }
    for name, tensor in (good | outputs).items():
        if tensor is not None:
            message.outputs[name].CopyFrom(tensor)
    return message.SerializeToString()


def wrong_replies():
    numbers = [0.5] * 30
    yield reply(image=None)
    yield reply(more=proto(float_val=numbers))
    for shape in (
        (3, 2, 3),
        (8, 2, 3),
        (0, 2, 3),
        (ROWS, 7),
        (),
        (10**9, 10**9),
        (-1, 2, 3),
        (ROWS, 2, 3, 1),
    ):
        yield reply(image=proto(shape=shape, float_val=numbers))
    for dtype in (0, 2, 3, 7, 9, 10, 999):
        yield reply(image=proto(dtype, float_val=numbers))
    for bad in (np.nan, np.inf, -np.inf):
        yield reply(image=proto(float_val=[*numbers[:-1], bad]))
    yield reply(image=proto(tensor_content=b"abc"))
    yield reply(image=proto(tensor_content=bytes(4 * 29)))
    yield from (b"\xff" * 10, b"\x0a", b"x" * 100)


def test_grpc(capsys, tmp_path):
    """Every wrong reply and the mutations of a right one, and addresses."""
    import grpc
    from google.protobuf import json_format
    from tensorflow_serving.apis import get_model_metadata_pb2

    described = get_model_metadata_pb2.GetModelMetadataResponse()
    table = get_model_metadata_pb2.SignatureDefMap()
    json_format.ParseDict(metadata()["metadata"]["signature_def"], table)
    described.metadata["signature_def"].Pack(table)
    now = {"GetModelMetadata": described.SerializeToString(), "Predict": reply()}

    def answer(name):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: now[name])

    from concurrent import futures

    server = grpc.server(futures.ThreadPoolExecutor(2))
    service = "tensorflow.serving.PredictionService"
    handler = grpc.method_handlers_generic_handler(service, {name: answer(name) for name in now})
    server.add_generic_rpc_handlers((handler,))
    where = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        client = Client(Grpc(where, timeout=60.0))
        assert client.sample(ROWS, seed=7).tolist() == np.float32(right()["outputs"]["image"]).tolist()
        whole = now["Predict"]
        for case, content in enumerate(wrong_replies()):
            now["Predict"] = content
            with pytest.raises(UserError, match="answer from") as error:
                client.sample(ROWS, seed=7)
            one_line(error), case
        for case in range(100):
            now["Predict"] = garbled(whole, generator(case, seed=2))
            try:
                images = client.sample(ROWS, seed=7)
                assert images.shape == (ROWS, 2, 3) and np.isfinite(images).all()
            except UserError as error:
                assert "\n" not in str(error) and str(error).isprintable()
        now["Predict"] = reply(image=proto(float_val=[0.0] * 2_000_000))
        with pytest.raises(UserError, match=r"no answer from .*larger than max"):
            client.sample(ROWS, seed=7)
        for case in range(60):
            now["GetModelMetadata"] = garbled(described.SerializeToString(), generator(case, seed=3))
            try:
                Client(Grpc(where, timeout=60.0))
            except UserError as error:
                assert "\n" not in str(error) and str(error).isprintable()
    finally:
        server.stop(None).wait()
    for address in (
        "",
        " ",
        "a b",
        "127.0.0.1:9",
        "127.0.0.1:99999",
        "\x1b[2J",
        "[::1",
        "http://127.0.0.1:9",
        ":9",
    ):
        assert command.main(["--grpc", address, "sample", "--out", str(tmp_path / "x.npy")]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and told[:-1].isprintable() and not list(tmp_path.iterdir())
