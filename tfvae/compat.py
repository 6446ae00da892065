"""The private API of Keras and TensorFlow that tfvae needs: reached here and nowhere else.

Nothing is imported before it is used. A test finds each name in the installed versions.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_UNTUNED: ContextVar[bool] = ContextVar("untuned", default=False)


class NoSymbolicBuild:
    """A base, before `keras.Model`, for models that `compile` builds.

    Keras' own symbolic build takes a batch from the data and averages it over the replicas, which fails where they
    hold different numbers of rows.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Does nothing."""


@contextlib.contextmanager
def untuned_arrays() -> Iterator[None]:
    """Within it the data sets that Keras makes of arrays have no autotuning.

    Its thread sleeps twice as long each time, and the end of an epoch waits until it wakes: for up to as long as the
    epoch took.
    """
    _watch_array_adapter()
    before = _UNTUNED.set(True)
    try:
        yield
    finally:
        _UNTUNED.reset(before)


@functools.cache
def _watch_array_adapter() -> None:
    import tensorflow as tf
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    options, made = tf.data.Options(), ArrayDataAdapter.get_tf_dataset
    options.autotune.enabled = False

    @functools.wraps(made)
    def get_tf_dataset(adapter: ArrayDataAdapter) -> tf.data.Dataset:
        dataset = made(adapter)
        return dataset.with_options(options) if _UNTUNED.get() else dataset

    ArrayDataAdapter.get_tf_dataset = get_tf_dataset


def graph_of_each_shape(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function as a graph for each shape of its arguments, without a warning that they are many."""
    import tensorflow as tf

    graph = tf.function(function, autograph=False)
    graph._omit_frequent_tracing_warning = True
    return graph


def layers_of(
    layer: keras.layers.Layer, *, include_self: bool = True, recursive: bool = True
) -> list[keras.layers.Layer]:
    """Returns the layers inside a layer, and the layer itself first.

    Args:
        layer: layer or model.
        include_self: whether the layer itself is among them.
        recursive: whether those inside its layers are, too.
    """
    return layer._flatten_layers(include_self=include_self, recursive=recursive)


def losses_of(layer: keras.layers.Layer) -> list[Any]:
    """Returns the list to which calls of a layer add the losses of `add_loss`: the list itself, no copy."""
    return layer._losses


def takes_training(layer: keras.layers.Layer) -> bool:
    """Returns whether the `call` of a layer has an argument `training`."""
    return layer._call_has_training_arg


def adam_moments(optimizer: keras.optimizers.Adam, variable: keras.Variable) -> tuple[Any, Any]:
    """Returns the running means of the gradient and of its square that Adam holds for a variable."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def handle_of(variable: keras.Variable | tf.Variable) -> tf.Tensor:
    """Returns the resource handle of a variable of Keras or TensorFlow."""
    return getattr(variable, "_value", variable).handle


def register_workers(kinds: Sequence[str], *, timeout: float, heartbeat: int) -> None:
    """Configures how TensorFlow's workers find each other; the chief too waits for all the others at a barrier.

    Args:
        kinds: kind of each task, "chief" or "worker"; that of the leader first.
        timeout: seconds to wait for the workers.
        heartbeat: milliseconds of silence after which a worker counts as lost; 0 for TensorFlow's default.
    """
    from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{kinds[0]}/replica:0/task:0",
        cluster_register_timeout_in_ms=int(1000 * timeout),
        heartbeat_timeout_in_ms=heartbeat,
        coordinated_jobs=[
            CoordinatedJob(name=kind, num_tasks=kinds.count(kind)) for kind in sorted(set(kinds))
        ],
    )
    context.context().coordination_service.cluster_register_with_barrier = True


def flatbuffers() -> tuple[ModuleType, ModuleType]:
    """Returns the schema of .tflite files, and the functions that read and write them."""
    from tensorflow.lite.python import schema_py_generated
    from tensorflow.lite.tools import flatbuffer_utils

    return schema_py_generated, flatbuffer_utils
