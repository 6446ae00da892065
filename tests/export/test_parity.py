"""The ladder of agreement: every model of the conformance table, every format, the same inputs and seeds.

Mutations, each seen to break a test here: a baked seed in `sample`, a bound over K + 1, loc and scale swapped,
a batch of fixed size.
"""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from conformance.cover import rows
from kit.serving_process import Server, batched, check_batchable, meta_graph
from tensorflow.core.protobuf import saved_model_pb2

from tfvae import Regressor
from tfvae.export import OnDevice, parity, save_serving, save_tflite
from tfvae.export.precision import in_float32
from tfvae.export.signatures import signatures

K = 5
DETERMINISTIC = {"serving_default", "predict", "reconstruct", "encode", "decode"}


def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return models.create("vae-mlp")
    finally:
        keras.config.set_dtype_policy(before)


def jit():
    """A model whose training step XLA compiles, after such a step."""
    model = models.create("vae-mlp")
    model.compile("sgd", jit_compile=True)
    model.fit(models.examples(model, 4), batch_size=4, verbose=0)
    return model


MORE = {"mixed-precision": mixed_precision, "jit": jit}
FAST = ("regressor-column",)
COUNTS = ("cvae-counts", "iwae-columns-optimal-scale")  # LiteRT lacks lgamma: see test_own_likelihoods.py
SERVED = [
    name
    for name in models.TABLE
    if (name in models.INFERENTIAL or "regressor" in name) and name not in COUNTS
]
ROWS = [
    *rows(SERVED, fast=FAST, costly="export"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in MORE),
]


class Export:
    """A model of the table with its exports."""

    def __init__(self, name, folder):
        original = MORE[name]() if name in MORE else models.create(name)
        self.model = in_float32(original)
        self.table = signatures(self.model, K)
        self.exact = parity.reader_of(self.table)
        self.requests = parity.requests(self.model, self.table)
        self.path = save_serving(original, folder / "serving", num_samples=K, warmup_batch_sizes=(1, 8, 16))
        self.server = Server(self.path)
        self.report = save_tflite(original, folder / "model.tflite", num_samples=K)


@pytest.fixture(scope="module", params=ROWS)
def export(request, tmp_path_factory):
    made = Export(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.server.close()


def agree(export, read, *, only=None, what="this reader"):
    asked = {name: request for name, request in export.requests.items() if only is None or name in only}
    assert asked
    parity.compare(what, export.exact, read, asked)


def test_the_signatures_are_the_methods_of_the_model(export):
    model, ask = export.model, export.requests
    batch = {"x": ask["log_prob"]["x"]}
    given = {name: ask["log_prob"][name] for name in ("condition",) if name in ask["log_prob"]}
    expected = {}
    if given:
        expected["predict"] = expected["serving_default"] = {"image": model(given["condition"])}
    if isinstance(model, Regressor):
        expected["log_prob"] = {"log_prob": model.log_prob(**batch, **given)}
    else:
        head = model.posterior_head
        q = head.served(model.posterior_parameters(model.check_examples(**batch, **given)))
        expected |= {
            "reconstruct": {"image": model.reconstruct(**batch, **given)},
            "encode": dict(zip(head.parameter_names, q, strict=True)),
            "decode": {"image": model.decode(**ask["decode"])},
        }
        expected.setdefault("serving_default", expected["reconstruct"])
        if "loc" in expected["encode"]:
            expected["encode"]["loc"] = model.encode(**batch, **given)
    parity.compare("the methods", lambda name, _: expected[name], export.exact, {n: ask[n] for n in expected})
    if isinstance(model, Regressor):
        return
    seeds = np.array([[3, row] for row in range(4)], np.int32)
    four, four_given = {"x": batch["x"][:4]}, {name: value[:4] for name, value in given.items()}
    scored = export.exact("log_prob", {**four, "seed": seeds, **four_given})
    assert parity.difference(model.elbo(num_samples=K, seed=3, **four, **four_given), scored["elbo"]) < 1e-5
    assert (
        parity.difference(model.iwelbo(num_samples=K, seed=3, **four, **four_given), scored["log_prob"])
        < 1e-5
    )
    drawn = export.exact("sample", {"seed": seeds, **four_given})
    count = {"n": 1 if given else 4, "seed": 3}
    sampled = np.reshape(model.sample(**count, **four_given), np.shape(drawn["image"]))
    assert parity.difference(sampled, drawn["image"]) < 1e-6
    assert parity.difference(model.decode(drawn["latent"], **four_given), drawn["image"]) < 1e-5


def test_loaded_by_tensorflow(export):
    loaded = tf.saved_model.load(str(export.path))

    def read(name, request):
        outputs = loaded.signatures[name](**{key: tf.constant(value) for key, value in request.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    agree(export, read, what="tf.saved_model.load")


def test_through_the_c_api(export):
    agree(export, export.server.read, what="the C API process")


def test_in_litert(export):
    assert export.report.difference < 1e-5
    agree(
        export,
        OnDevice(export.report.path).read,
        only=export.requests.keys() - {"serving_default"},
        what="LiteRT",
    )


def test_in_openvino(export, tmp_path):
    """OpenVINO reads one signature, serving_default: copies of the same graph and weights call another one that."""
    import openvino

    core = openvino.Core()
    for name in export.table.keys() & DETERMINISTIC:
        folder = tmp_path / name
        shutil.copytree(export.path / "variables", folder / "variables")
        saved = saved_model_pb2.SavedModel.FromString((export.path / "saved_model.pb").read_bytes())
        definitions = saved.meta_graphs[0].signature_def
        definitions["serving_default"].CopyFrom(definitions[name])
        (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
        model = core.compile_model(core.read_model(folder), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

        def read(_, request, model=model):
            outputs = model(dict(request))
            return {next(iter(port.names)): value for port, value in outputs.items()}

        agree(export, read, only={name}, what="OpenVINO")


def test_batching_changes_nothing(export):
    rng = np.random.default_rng(0)
    for name, request in export.requests.items():
        check_batchable(*export.server.signatures[name])
        clients = [
            {key: value[rng.integers(len(value), size=count)] for key, value in request.items()}
            for count in (1, 3, 2)
        ]
        for mine, answer in zip(clients, batched(export.server.read, name, clients, (1, 8, 16)), strict=True):
            for output, gap in parity.differences(export.server.read(name, mine), answer).items():
                assert gap <= parity.tolerance(output), f"{name} {output}: {gap}"


def test_rows_do_not_see_each_other_on_the_device(export):
    device = OnDevice(export.report.path)
    for name in device.inputs:
        request = export.requests[name]
        whole = device.read(name, request)
        parts = [
            device.read(name, {key: value[rows] for key, value in request.items()})
            for rows in (slice(0, 2), slice(2, None))
        ]
        joined = {key: np.concatenate([part[key] for part in parts]) for key in whole}
        for output, gap in parity.differences(whole, joined).items():
            assert gap <= parity.tolerance(output), f"{name} {output}: {gap}"


def test_no_operation_that_a_server_or_a_restart_would_trip_over(export):
    graph = meta_graph(export.path).graph_def
    nodes = list(graph.node) + [node for function in graph.library.function for node in function.node_def]
    stateful = {node.op for node in nodes if "Random" in node.op or node.op in ("PyFunc", "EagerPyFunc")}
    assert not stateful
    for thing in [*nodes, *graph.library.function]:
        assert "_XlaMustCompile" not in thing.attr or not thing.attr["_XlaMustCompile"].b
    names = [
        info.name for pair in export.server.signatures.values() for side in pair for info in side.values()
    ]
    assert len(set(names)) == len(names)
