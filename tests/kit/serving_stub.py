"""REST and gRPC in front of the C API process, in the words of TensorFlow Serving; that server itself."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from kit.serving_process import meta_graph
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

DTYPES = {1: np.float32, 3: np.int32}


def signature_map(path):
    table = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in meta_graph(path).signature_def.items():
        table.signature_def[name].CopyFrom(definition)
    return table


class Log(list):
    """The signatures that were asked for."""


@contextlib.contextmanager
def rest(server, path, log):
    """Serves `server` (see substitute.Server) over HTTP; yields the URL."""
    table = json_format.MessageToDict(signature_map(path), preserving_proto_field_name=True)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, content, code=200):
            body = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            assert self.path == "/v1/models/tfvae/metadata"
            self.answer({"model_spec": {"name": "tfvae"}, "metadata": {"signature_def": table}})

        def do_POST(self):
            assert self.path == "/v1/models/tfvae:predict"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = body["signature_name"]
            log.append(name)
            if name not in server.signatures:
                return self.answer({"error": f"no signature {name}"}, 404)
            inputs = server.signatures[name][0]
            if "instances" in body:
                columns = {key: [row[key] for row in body["instances"]] for key in inputs}
            else:
                columns = body["inputs"]
            request = {key: np.array(columns[key], DTYPES[info.dtype]) for key, info in inputs.items()}
            outputs = {key: value.tolist() for key, value in server.read(name, request).items()}
            return self.answer({"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))})

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server, path, log):
        self.server, self.path, self.log = server, path, log

    def GetModelMetadata(self, request, context):
        assert request.model_spec.name == "tfvae" and list(request.metadata_field) == ["signature_def"]
        reply = get_model_metadata_pb2.GetModelMetadataResponse()
        reply.metadata["signature_def"].Pack(signature_map(self.path))
        return reply

    def Predict(self, request, context):
        name = request.model_spec.signature_name
        self.log.append(name)
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        reply = predict_pb2.PredictResponse()
        for key, value in self.server.read(name, inputs).items():
            reply.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return reply


@contextlib.contextmanager
def rpc(server, path, log):
    """Serves `server` over gRPC; yields the address."""
    remote = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(server, path, log), remote)
    port = remote.add_insecure_port("127.0.0.1:0")
    remote.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        remote.stop(None).wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def real(base_dir):
    """Runs the tensorflow_model_server that TF_MODEL_SERVER names; yields (URL, address)."""
    ports = free_port(), free_port()
    command = [
        os.environ["TF_MODEL_SERVER"], f"--port={ports[0]}", f"--rest_api_port={ports[1]}", "--model_name=tfvae",
        f"--model_base_path={base_dir}", "--enable_batching", "--enable_per_model_batching_parameters",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[1]}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/v1/models/tfvae/metadata", timeout=5).close()
                break
            assert process.poll() is None, "the server has ended"
            time.sleep(0.25)
        yield url, f"127.0.0.1:{ports[0]}"
    finally:
        process.terminate()
        process.wait()
