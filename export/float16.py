"""Weights of a TFLite file in float16.

The converter's own float16 mode rounds every constant: 2 pi in Box-Muller, which moves samples by 2e-3, and log(2 pi),
which moves a likelihood over 784 pixels by some tenths of a nat. Here weights are rounded and constants are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae import compat
from tfvae.checks import UserError

schema, flatbuffer_utils = compat.flatbuffers()

LEAST = 32  # fewest elements of a constant that counts as a weight


def halve(content: bytes) -> bytes:
    """Returns the file with its float32 weights stored as float16, each followed by a DEQUANTIZE operation.

    Raises:
        UserError: if a weight is too large for float16.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    dequantize = len(model.operatorCodes)
    model.operatorCodes.append(_operator_code(schema.BuiltinOperator.DEQUANTIZE))
    halved: set[int] = set()
    for graph in model.subgraphs:
        for index in range(len(graph.tensors)):
            tensor = graph.tensors[index]
            if tensor.type != schema.TensorType.FLOAT32 or int(np.prod(tensor.shape)) < LEAST:
                continue
            buffer = model.buffers[tensor.buffer]
            if buffer.data is None or not len(buffer.data):
                continue
            if tensor.buffer not in halved:
                buffer.data = _rounded(np.asarray(buffer.data, np.uint8).view(np.float32), tensor.name)
                halved.add(tensor.buffer)
            _insert(graph, index, dequantize)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _rounded(values: np.ndarray, name: bytes) -> np.ndarray:
    if np.abs(values).max() > np.finfo(np.float16).max:
        raise UserError(
            f"weight {name.decode()} does not fit into float16",
            expected=f"at most {np.finfo(np.float16).max}",
            received=f"{np.abs(values).max():g}",
            fix="choose another quantization",
        )
    return values.astype(np.float16).view(np.uint8)


def _insert(graph: Any, index: int, dequantize: int) -> None:
    """Makes tensor `index` of a graph the float32 form of a new float16 tensor."""
    tensor = graph.tensors[index]
    stored = schema.TensorT()
    stored.shape, stored.type, stored.buffer = tensor.shape, schema.TensorType.FLOAT16, tensor.buffer
    stored.name = tensor.name + b"_float16"
    tensor.buffer = 0
    graph.tensors.append(stored)
    operator = schema.OperatorT()
    operator.opcodeIndex = dequantize
    operator.inputs = np.array([len(graph.tensors) - 1], np.int32)
    operator.outputs = np.array([index], np.int32)
    graph.operators.insert(0, operator)


def _operator_code(operation: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operation
    code.version = 2  # the first version that takes float16
    return code
