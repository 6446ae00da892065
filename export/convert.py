"""Conversion of signatures to the bytes of a TFLite file that uses built-in operations only."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.export import portable
from tfvae.export.directories import temporary_directory
from tfvae.export.float16 import halve
from tfvae.export.native import held_back
from tfvae.export.saved_model import write_saved_model
from tfvae.export.seal import seal
from tfvae.export.signatures import Signature

PARTS = (
    "encoder",
    "decoder",
    "posterior_head",
    "prior_head",
    "likelihood_head",
    "generator_network",
    "discriminator",
)
FRAGILE = ("Lgamma", "Digamma")  # the converter lowers them to parts that fit one batch size only


def convert(model: Any, table: Mapping[str, Signature], quantization: str) -> bytes:
    """Returns the TFLite file of some signatures of a model, with its checksum.

    Args:
        model: tfvae model that owns the weights.
        table: signatures of the model by name.
        quantization: "none", "float16" for 16-bit weights, or "dynamic" for 8-bit weights with float32 activations.

    Returns:
        content: bytes of the file.

    Raises:
        UserError: if an operation does not exist in LiteRT. The message names it, the layers that use it, and the parts
            of the model that are neither tfvae's nor Keras'. The converter's own output is then hidden.
    """
    with temporary_directory(Path(tempfile.gettempdir())) as folder:
        write_saved_model(model, table, folder)
        portable.rewrite(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(table))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "dynamic":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        with held_back():
            try:
                content = bytes(converter.convert())
            except Exception as error:
                raise _unsupported(error, model, table) from error
    return seal(halve(content) if quantization == "float16" else content)


def _unsupported(error: Exception, model: Any, table: Mapping[str, Signature]) -> Exception:
    """Returns a `UserError` that names the unsupported operations, or `error` itself if it has another cause."""
    text = str(error)
    missing = set(re.findall(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op", text))
    missing |= set(re.findall(r"failed to legalize operation 'tf\.(\w+)'", text))
    own = own_parts(model)
    if missing:
        what, where = f"LiteRT lacks {', '.join(sorted(missing))}", _where(missing, table)
    elif own:
        what, where = "the model cannot be converted for LiteRT", text.strip().partition("\n")[0][:300]
    else:
        return error
    return UserError(
        what,
        expected="a model made of operations that LiteRT has built in",
        received=where + own,
        fix="write that layer with other operations",
    )


def does_not_run(error: BaseException, model: Any, table: Mapping[str, Signature]) -> UserError:
    """Returns the error for a converted model that LiteRT cannot open or run."""
    return UserError(
        "LiteRT does not run the converted model",
        expected="operations that it has for batches of any size",
        received=f"{error}"[:200] + (_where(FRAGILE, table, "; ") or "") + own_parts(model),
        fix="write that layer with other operations, or try a fixed batch (--fixed-batch)",
    )


def own_parts(model: Any) -> str:
    """Returns text that lists the networks and heads of a model whose classes are neither tfvae's nor Keras'."""
    parts = {name: getattr(model, name, None) for name in PARTS}
    own = [
        f"{type(part).__name__} ({name})"
        for name, part in parts.items()
        if part is not None and type(part).__module__.partition(".")[0] not in ("tfvae", "keras")
    ]
    return f"; not of tfvae: {', '.join(own)}" if own else ""


def _where(operations: Collection[str], table: Mapping[str, Signature], before: str = "") -> str:
    """Returns text that lists the operations that occur, with layers and signatures; "" if none occurs."""
    found = {name: _places(row.concrete.graph, operations) for name, row in table.items()}
    places = sorted(set().union(*found.values()))
    if not places:
        return ""
    names = sorted({operation for _, operation in places})
    layers = sorted({layer for layer, _ in places})
    signatures = sorted(name for name, some in found.items() if some)
    return f"{before}{', '.join(names)} in {', '.join(layers)} of {', '.join(signatures)}"


def _places(graph: tf.Graph, operations: Collection[str]) -> set[tuple[str, str]]:
    """Returns (scope, operation) of each node of some operations, in inner functions too. The scope is a layer."""
    nodes = list(graph.as_graph_def().node)
    for function in graph.as_graph_def().library.function:
        nodes += function.node_def
    return {(node.name.rpartition("/")[0] or node.name, node.op) for node in nodes if node.op in operations}
