"""From signatures to the bytes of a TFLite file with built-in operations alone."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.export import portable
from tfvae.export.directories import temporary_directory
from tfvae.export.float16 import halve
from tfvae.export.saved_model import write_saved_model
from tfvae.export.seal import seal

QUANTIZATIONS = ("none", "float16", "dynamic")


def convert(model, table, quantization: str) -> bytes:
    """Returns the TFLite file of some signatures of a model, with its checksum.

    Args:
        model: the model that owns the weights.
        table: its signatures by name.
        quantization: "none"; "float16" for 16-bit weights; "dynamic" for 8-bit weights, activations in float32.

    Raises:
        UserError: if an operation does not exist in LiteRT; it and the layers that use it are named.
    """
    with temporary_directory(Path(tempfile.gettempdir())) as folder:
        write_saved_model(model, table, folder)
        portable.rewrite(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(table))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "dynamic":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            content = bytes(converter.convert())
        except Exception as error:
            raise _unsupported(error, table) from error
    return seal(halve(content) if quantization == "float16" else content)


def _unsupported(error: Exception, table) -> Exception:
    """Returns the `UserError` that names the operations; the error itself if it is about something else."""
    text = str(error)
    missing = set(re.findall(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op", text))
    missing |= set(re.findall(r"failed to legalize operation 'tf\.(\w+)'", text))
    if not missing:
        return error
    places = sorted({place for row in table.values() for place in _places(row.concrete.graph, missing)})
    return UserError(
        f"LiteRT lacks {', '.join(sorted(missing))}",
        expected="a model made of operations that LiteRT has built in",
        received=f"{', '.join(sorted(missing))} in {', '.join(places) or 'the model'}",
        fix="write that layer with other operations",
    )


def _places(graph, operations: set[str]) -> set[str]:
    """Returns the scopes, which are layers, of the nodes that use some operations, in inner functions too."""
    nodes = list(graph.as_graph_def().node)
    for function in graph.as_graph_def().library.function:
        nodes += function.node_def
    return {node.name.rpartition("/")[0] or node.name for node in nodes if node.op in operations}
