"""A process that runs a SavedModel through TensorFlow's C API and never imports TensorFlow.

It takes the loader and session path of TensorFlow Serving: TF_LoadSessionFromSavedModel with the tag "serve", then
TF_SessionRun on tensors by name. Requests and replies are pickled (names and NumPy arrays) on stdin and stdout.
"""

import ctypes
import importlib.util
import os
import pickle
import sys

import numpy as np

DTYPES = {1: np.float32, 3: np.int32}  # TF_DataType
TYPES = {np.dtype(dtype): number for number, dtype in DTYPES.items()}


class Output(ctypes.Structure):
    _fields_ = (("oper", ctypes.c_void_p), ("index", ctypes.c_int))


def load_library():
    folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    ctypes.CDLL(os.path.join(folder, "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(os.path.join(folder, "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    for name in [
        "NewStatus",
        "NewGraph",
        "NewSessionOptions",
        "LoadSessionFromSavedModel",
        "GraphOperationByName",
        "AllocateTensor",
        "TensorData",
    ]:
        getattr(library, f"TF_{name}").restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


class Session:
    """A loaded SavedModel."""

    def __init__(self, path):
        self.library = load_library()
        self.status = ctypes.c_void_p(self.library.TF_NewStatus())
        self.graph = ctypes.c_void_p(self.library.TF_NewGraph())
        options = ctypes.c_void_p(self.library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = ctypes.c_void_p(
            self.library.TF_LoadSessionFromSavedModel(
                options, None, os.fsencode(path), tags, 1, self.graph, None, self.status
            )
        )
        self.check()

    def check(self):
        if self.library.TF_GetCode(self.status):
            raise RuntimeError(self.library.TF_Message(self.status).decode())

    def output(self, name):
        operation, _, index = name.partition(":")
        pointer = self.library.TF_GraphOperationByName(self.graph, operation.encode())
        if not pointer:
            raise RuntimeError(f"no operation {operation}")
        return Output(pointer, int(index or 0))

    def tensor(self, array):
        array = np.ascontiguousarray(array)
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        size = ctypes.c_size_t(array.nbytes)
        tensor = self.library.TF_AllocateTensor(TYPES[array.dtype], shape, array.ndim, size)
        ctypes.memmove(self.library.TF_TensorData(ctypes.c_void_p(tensor)), array.ctypes.data, array.nbytes)
        return tensor

    def array(self, pointer):
        tensor = ctypes.c_void_p(pointer)
        shape = [self.library.TF_Dim(tensor, axis) for axis in range(self.library.TF_NumDims(tensor))]
        array = np.empty(shape, DTYPES[self.library.TF_TensorType(tensor)])
        ctypes.memmove(array.ctypes.data, self.library.TF_TensorData(tensor), array.nbytes)
        return array

    def run(self, feeds, fetches):
        """Runs {tensor name: array} to the arrays of the tensor names `fetches`."""
        inputs = (Output * len(feeds))(*map(self.output, feeds))
        values = (ctypes.c_void_p * len(feeds))(*map(self.tensor, feeds.values()))
        outputs = (Output * len(fetches))(*map(self.output, fetches))
        results = (ctypes.c_void_p * len(fetches))()
        self.library.TF_SessionRun(
            self.session, None, inputs, values, len(feeds), outputs, results, len(fetches), None, 0, None,
            self.status,
        )  # fmt: skip
        for value in values:
            self.library.TF_DeleteTensor(ctypes.c_void_p(value))
        self.check()
        arrays = [self.array(result) for result in results]
        for result in results:
            self.library.TF_DeleteTensor(ctypes.c_void_p(result))
        return arrays


def main(path):
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        session, reply = Session(path), None
    except RuntimeError as error:
        session, reply = None, error
    while True:
        assert "tensorflow" not in sys.modules and "keras" not in sys.modules
        pickle.dump(reply, replies)
        replies.flush()
        try:
            reply = session.run(*pickle.load(sys.stdin.buffer))
        except EOFError:
            return
        except RuntimeError as error:
            reply = error


if __name__ == "__main__":
    main(sys.argv[1])
