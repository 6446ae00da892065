"""What stands in for TensorFlow Serving: the C API process, its signatures, and the rules by which a server batches."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

CAPI = Path(__file__).with_name("capi.py")


def meta_graph(path):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((Path(path) / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    return graph


def signature_defs(path):
    """Returns {signature: (inputs, outputs)}: TensorInfo by name, as the file declares them."""
    return {
        name: (dict(signature.inputs), dict(signature.outputs))
        for name, signature in meta_graph(path).signature_def.items()
        if not name.startswith("__")
    }


class Server:
    """A process with the C API that answers signatures by name. Threads take turns."""

    def __init__(self, path):
        self.signatures = signature_defs(path)
        self._process = subprocess.Popen(
            [sys.executable, CAPI, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = threading.Lock()
        self._take()

    def _take(self):
        reply = pickle.load(self._process.stdout)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def read(self, signature, request):
        inputs, outputs = self.signatures[signature]
        assert set(request) == set(inputs)
        feeds = {inputs[name].name: value for name, value in request.items()}
        with self._lock:
            pickle.dump((feeds, [info.name for info in outputs.values()]), self._process.stdin)
            self._process.stdin.flush()
            return dict(zip(outputs, self._take(), strict=True))

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def check_batchable(inputs, outputs):
    """Checks what `--enable_batching` demands of a signature: inputs and outputs of rank >= 1, the batch first."""
    assert inputs, "a signature without inputs cannot be batched"
    for name, info in [*inputs.items(), *outputs.items()]:
        sizes = [dim.size for dim in info.tensor_shape.dim]
        assert not info.tensor_shape.unknown_rank and sizes, f"{name} has no batch dimension"
        assert sizes[0] == -1, f"{name} has a batch of {sizes[0]}"
        assert -1 not in sizes[1:], f"{name} has a second dimension that is free: {sizes}"


def batched(read, signature, requests, allowed):
    """Answers several clients at once as a server that batches: merge, pad with row 0, run, split."""
    counts = [len(next(iter(request.values()))) for request in requests]
    total = sum(counts)
    padding = next(size for size in allowed if size >= total) - total
    merged = {}
    for name in requests[0]:
        rows = np.concatenate([request[name] for request in requests])
        merged[name] = np.concatenate([rows, np.repeat(rows[:1], padding, axis=0)])
    outputs = read(signature, merged)
    assert all(len(value) == total + padding for value in outputs.values())
    ends = np.cumsum(counts)[:-1]
    parts = {name: np.split(value[:total], ends) for name, value in outputs.items()}
    return [{name: parts[name][client] for name in parts} for client in range(len(requests))]
