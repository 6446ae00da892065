"""Private API of Keras and TensorFlow: in one file, and still there in the installed versions.

Mutations: `_flatten_layers` called in another file, a module of tensorflow.python imported in another file, `predict`
outside of `untuned_arrays`.
"""

import ast
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
from tensorflow.python.eager import context

import tfvae
from tfvae import compat

ROOT = Path(__file__).parents[1]
PRIVATE = {
    "_flatten_layers",
    "_losses",
    "_call_has_training_arg",
    "_get_variable_index",
    "_momentums",
    "_velocities",
    "_value",
    "_maybe_symbolic_build",
}
MODULES = (
    "tensorflow.python",
    "tensorflow.lite.python",
    "tensorflow.lite.tools",
    "keras.src",
    "tf_keras.src",
)


def uses(file):
    """Yields (line, name) of the private names and modules that a file uses."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE:
            yield node.lineno, node.attr
        elif isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            yield from ((each.lineno, each.name) for each in methods if each.name in PRIVATE)
        elif isinstance(node, ast.Constant) and node.value in PRIVATE:
            yield node.lineno, node.value
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MODULES):
            yield node.lineno, node.module
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith(MODULES))


def test_private_names_are_used_in_one_file():
    files = [file for room in ("tfvae", "training", "export") for file in sorted((ROOT / room).rglob("*.py"))]
    found = {file.relative_to(ROOT).as_posix(): list(uses(file)) for file in files}
    own = found.pop("tfvae/compat.py")
    assert {name for _, name in own} >= PRIVATE
    assert {file: names for file, names in found.items() if names} == {}


class WithTraining(keras.layers.Layer):
    def call(self, x, training=False):
        self.add_loss(tf.reduce_sum(x))
        return x


def test_layers_losses_and_training_of_keras():
    inner, plain = WithTraining(), keras.layers.Flatten()
    outer = keras.Sequential([plain, keras.Sequential([inner])])
    outer(np.ones((1, 2), np.float32))
    assert compat.layers_of(outer)[0] is outer and inner in compat.layers_of(outer)
    assert inner not in compat.layers_of(outer, recursive=False)
    assert outer not in compat.layers_of(outer, include_self=False)
    assert compat.takes_training(inner) and not compat.takes_training(plain)
    (loss,) = compat.losses_of(inner)
    assert float(loss) == float(outer.losses[0])


def test_the_symbolic_build_is_one_of_keras():
    assert callable(keras.Model._maybe_symbolic_build)
    assert issubclass(type("Model", (compat.NoSymbolicBuild, keras.Model), {}), keras.Model)


def test_arrays_are_not_tuned_within_the_context_alone():
    def tuned():
        return ArrayDataAdapter(np.ones((4, 2), np.float32)).get_tf_dataset().options().autotune.enabled

    with compat.untuned_arrays():
        with compat.untuned_arrays():
            assert tuned() is False
        assert tuned() is False
    assert tuned() is not False


def test_models_do_not_tune_arrays(monkeypatch):
    seen, iterator = [], TFEpochIterator._get_iterator

    def watched(self):
        seen.append(self._distributed_dataset.options().autotune.enabled)
        return iterator(self)

    monkeypatch.setattr(TFEpochIterator, "_get_iterator", watched)
    parts = tfvae.networks.MLP([2]), tfvae.networks.MLP([2])
    model, x = tfvae.Autoencoder(*parts, event_shape=2), np.ones((4, 2), np.float32)
    model.compile("adam")
    for call in (model.fit, model.evaluate, model.predict):
        call(x, verbose=0)
    assert len(seen) >= 3 and set(seen) == {False}


def test_the_moments_of_adam():
    variable = keras.Variable(np.ones(3, np.float32))
    optimizer = keras.optimizers.Adam()
    optimizer.apply([tf.constant([1.0, 2.0, 3.0])], [variable])
    first, second = compat.adam_moments(optimizer, variable)
    np.testing.assert_allclose(first, [0.1, 0.2, 0.3], rtol=1e-5)
    np.testing.assert_allclose(second, [0.001, 0.004, 0.009], rtol=1e-5)
    read = tf.raw_ops.ReadVariableOp(resource=compat.handle_of(variable), dtype=tf.float32)
    np.testing.assert_array_equal(read, variable)
    own = tf.Variable(2.0)
    assert compat.handle_of(own) is own.handle


def test_the_coordination_of_tensorflow(monkeypatch):
    given = {}
    monkeypatch.setattr(
        context.Context, "configure_coordination_service", lambda self, **settings: given.update(settings)
    )
    service = tf.config.experimental  # any object that takes an attribute
    monkeypatch.setattr(context.Context, "coordination_service", service)
    monkeypatch.setattr(service, "cluster_register_with_barrier", False, raising=False)
    compat.register_workers(["chief", "worker", "worker"], timeout=1.5, heartbeat=0)
    assert given["cluster_register_timeout_in_ms"] == 1500 and service.cluster_register_with_barrier
    assert {job.name: job.num_tasks for job in given["coordinated_jobs"]} == {"chief": 1, "worker": 2}


def test_the_schema_of_tflite_files():
    schema, utils = compat.flatbuffers()
    for name in ("BufferT", "MetadataT", "OperatorT", "OperatorCodeT", "TensorT"):
        assert callable(getattr(schema, name))
    assert schema.BuiltinOperator.DEQUANTIZE and schema.TensorType.FLOAT16
    assert callable(utils.read_model_from_bytearray) and callable(utils.convert_object_to_bytearray)


def test_graphs_of_many_shapes_are_no_cause_for_a_warning(caplog):
    graph = compat.graph_of_each_shape(lambda x: tf.reduce_sum(x))
    for size in range(1, 10):
        assert graph(tf.ones([size])) == size
    assert len(graph._list_all_concrete_functions()) == 9 and not caplog.records
