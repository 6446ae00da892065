"""A served model and its client: over REST and gRPC, in front of the C API process and, where TF_MODEL_SERVER names a
tensorflow_model_server, of the real thing.

Mutations, each seen to break a test here: a seed baked into the export, the client's seeds without their row number,
NaN let through, REST answers of a single output taken for many.
"""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from conformance import models
from google.protobuf import json_format
from kit.serving_process import Server
from kit.serving_stub import Log, real, rest, rpc

from tfvae.checks import UserError
from tfvae.export import parity, save_serving
from tfvae.export.serving import client as command
from tfvae.export.serving.client import Client
from tfvae.export.serving.transport import Grpc, Rest
from tfvae.export.signatures import signatures
from tfvae.export.warmup import MODEL_NAME

K = 5
WITHOUT_SERVER = "TF_MODEL_SERVER names no tensorflow_model_server: the C API process stands in for it"


@pytest.fixture(scope="module")
def model():
    return models.create("vae-mlp")


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    return save_serving(model, tmp_path_factory.mktemp("serving") / "base", num_samples=K)


@pytest.fixture(scope="module")
def server(path):
    with Server(path) as running:
        yield running


@pytest.fixture(scope="module")
def log():
    return Log()


@pytest.fixture(scope="module", params=["rest", "grpc", "real-rest", "real-grpc"])
def transport(request, path, log):
    kind = request.param
    if kind.startswith("real"):
        if not os.environ.get("TF_MODEL_SERVER"):
            pytest.skip(WITHOUT_SERVER)
        with real(path.parent) as (url, address):
            yield ("--rest", url) if kind == "real-rest" else ("--grpc", address)
    else:
        server = request.getfixturevalue("server")
        with rest(server, path, log) if kind == "rest" else rpc(server, path, log) as where:
            yield f"--{kind}", where


@pytest.fixture(scope="module")
def client(transport):
    kind, where = transport
    opened = Rest(where) if kind == "--rest" else Grpc(where)
    yield Client(opened)
    if kind == "--grpc":
        opened.close()


def test_every_signature(client, model):
    table = signatures(model, K)
    read = lambda name, request: client.run(name, **request)  # noqa: E731
    parity.compare("the served model", parity.reader_of(table), read, parity.requests(model, table))


def test_methods_are_those_of_the_model(client, model):
    x = parity.examples(model, 70).x  # more than one request
    assert parity.difference(np.asarray(model.sample(70, seed=7)), client.sample(70, 7)) < 1e-6
    assert parity.difference(np.asarray(model.reconstruct(x)), client.reconstruct(x)) < 1e-5
    assert parity.difference(np.asarray(model.elbo(x, K, seed=3)), client.score(x, 3)["elbo"]) < 1e-5
    assert parity.difference(np.asarray(model.iwelbo(x, K, seed=3)), client.score(x, 3)["log_prob"]) < 1e-5


@pytest.mark.parametrize(
    ("signature", "inputs", "words"),
    [
        ("reconstruct", {"x": np.zeros((2, 3, 3), np.float32)}, "wrong shape"),
        ("reconstruct", {"x": np.zeros((3, 2), np.float32)}, "wrong shape"),
        ("reconstruct", {"x": np.zeros((2, 3, 2), np.uint8)}, "wrong dtype"),
        ("reconstruct", {"x": np.full((2, 3, 2), np.nan, np.float32)}, "not finite"),
        ("reconstruct", {"x": np.full((2, 3, 2), 1e39)}, "not finite or do not fit"),
        ("reconstruct", {"x": np.zeros((0, 3, 2), np.float32)}, "empty"),
        ("reconstruct", {"z": np.zeros((1, 2), np.float32)}, "no such signature"),
        ("sample", {"seed": np.zeros((2, 2), np.float32)}, "wrong dtype"),
        ("sample", {"seed": np.full((2, 2), 2**31)}, "do not fit into int32"),
        ("dream", {"seed": np.zeros((2, 2), np.int32)}, "no such signature"),
        ("log_prob", {"x": np.zeros((2, 3, 2), np.float32), "seed": np.zeros((3, 2), np.int32)}, "differ"),
    ],
)
def test_bad_input_is_not_sent(client, log, signature, inputs, words):
    before = len(log)
    with pytest.raises(UserError, match=words):
        client.run(signature, **inputs)
    assert len(log) == before


@pytest.mark.parametrize(
    ("n", "seed", "words"), [(0, 1, "n is not"), (2, 2**31, "32-bit"), (2, 0.5, "32-bit")]
)
def test_bad_sample(client, log, n, seed, words):
    before = len(log)
    with pytest.raises(UserError, match=words):
        client.sample(n, seed)
    assert len(log) == before


def test_commands(transport, model, tmp_path, capsys):
    x, out = parity.examples(model, 3).x, tmp_path / "out.npy"
    np.save(tmp_path / "x.npy", x)
    assert command.main([*transport, "sample", "-n", "3", "--seed", "7", "--out", str(out)]) == 0
    assert parity.difference(np.asarray(model.sample(3, seed=7)), np.load(out)) < 1e-6
    assert command.main([*transport, "reconstruct", str(tmp_path / "x.npy"), "--out", str(out)]) == 0
    assert parity.difference(np.asarray(model.reconstruct(x)), np.load(out)) < 1e-5
    capsys.readouterr()
    assert command.main([*transport, "score", str(tmp_path / "x.npy"), "--seed", "3"]) == 0
    said = capsys.readouterr().out.split()
    assert said[0] == "elbo" and abs(float(said[1]) - np.mean(model.elbo(x, K, seed=3))) < 1e-3
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    for arguments in (["score", str(tmp_path / "bad.npy")], ["score", str(tmp_path / "none.npy")], ["dream"]):
        assert command.main([*transport, *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_a_model_with_a_condition(tmp_path, capsys):
    """Kills: conditions repeated in another order than the seeds."""
    model = models.create("cvae-label")
    path = save_serving(model, tmp_path / "base", num_samples=K, warmup_batch_sizes=(1, 4))
    batch = dict(parity.examples(model, 3).arguments())
    x, condition = batch["x"], batch["condition"]
    np.save(tmp_path / "c.npy", condition)
    with Server(path) as server, rest(server, path, Log()) as where:
        client = Client(Rest(where), batch=4)
        drawn = client.sample(2, 7, condition)
        assert drawn.shape == (2, 3, 4)
        assert parity.difference(np.asarray(model.sample(2, seed=7, condition=condition)), drawn) < 1e-6
        assert parity.difference(np.asarray(model(condition)), client.predict(condition)) < 1e-5
        expected = np.asarray(model.reconstruct(x, condition=condition))
        assert parity.difference(expected, client.reconstruct(x, condition=condition)) < 1e-5
        scored = client.score(x, 3, condition=condition)
        assert (
            parity.difference(np.asarray(model.elbo(x, K, seed=3, condition=condition)), scored["elbo"])
            < 1e-5
        )
        for ask in (lambda: client.sample(2, 7), lambda: client.score(x, 3)):
            with pytest.raises(UserError, match="condition is missing in a request"):
                ask()
        with pytest.raises(UserError, match="condition has the wrong shape"):
            client.sample(2, 7, condition[:, :2])
        words = ["--rest", where, "sample", "-n", "2", "--seed", "7", "--condition", str(tmp_path / "c.npy")]
        assert command.main([*words, "--out", str(tmp_path / "out.npy")]) == 0
        assert parity.difference(drawn, np.load(tmp_path / "out.npy")) < 1e-6
        capsys.readouterr()


@pytest.mark.parametrize("option", ["--rest", "--grpc"])
def test_no_server(option, capsys, tmp_path):
    where = "http://127.0.0.1:9" if option == "--rest" else "127.0.0.1:9"
    assert command.main([option, where, "sample", "--out", str(tmp_path / "x.npy")]) == 2
    assert "see that the server runs" in capsys.readouterr().err and not list(tmp_path.iterdir())


def ask_from_threads(sample, threads, requests):
    """Returns the samples of `threads` clients at once, each with its own seeds, each seed twice."""
    found = [[None] * requests for _ in range(threads)]

    def work(number):
        for index in range(requests):
            found[number][index] = sample(1000 * number + index)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [sample.tobytes() for row in found for sample in row]


def test_1600_requests_of_8_threads_are_1600_samples(path, server):
    def sample(seed, server=server):
        return server.read("sample", {"seed": np.array([[seed, 0]], np.int32)})["latent"]

    first = ask_from_threads(sample, 8, 200)
    assert len(set(first)) == 1600
    with Server(path) as restarted:
        again = ask_from_threads(lambda seed: sample(seed, restarted), 8, 200)
    assert again == first


@pytest.mark.slow
def test_1600_requests_through_the_client(client):
    first = ask_from_threads(lambda seed: client.run("sample", seed=np.array([[seed, 0]]))["latent"], 8, 200)
    assert len(set(first)) == 1600


def test_the_examples_of_the_description_work(path, server, transport, model):
    import json

    from tensorflow_serving.apis import predict_pb2

    described = json.loads((path / "signatures.json").read_text())
    assert described["signatures"].keys() == server.signatures.keys()
    for name, signature in described["signatures"].items():
        sides = zip(("inputs", "outputs"), server.signatures[name], strict=True)
        for side, infos in sides:
            assert {key: value["shape"] for key, value in signature[side].items()} == {
                key: [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
                for key, info in infos.items()
            }
            assert all(value["meaning"] for value in signature[side].values())
        body = signature["example"]["rest"]["body"]
        assert body["signature_name"] == name
        rows = {key: np.array([body["instances"][0][key]]) for key in signature["inputs"]}
        proto = json_format.ParseDict(signature["example"]["grpc"], predict_pb2.PredictRequest())
        assert proto.model_spec.signature_name == name
        import tensorflow as tf

        request = {key: tf.make_ndarray(value) for key, value in proto.inputs.items()}
        assert {key: value.tolist() for key, value in request.items()} == {
            k: v.tolist() for k, v in rows.items()
        }
        assert server.read(name, request).keys() == signature["outputs"].keys()
        if transport[0] == "--rest":
            import urllib.request

            example = signature["example"]["rest"]
            asked = urllib.request.Request(
                transport[1] + example["path"], json.dumps(example["body"]).encode(), method=example["method"]
            )
            with urllib.request.urlopen(asked) as answer:
                assert json.load(answer)


def test_configuration_of_the_server():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    folder = Path(command.__file__).parent
    text = (folder / "models.config").read_text()
    (row,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert row.name == MODEL_NAME and row.base_path == "/models/tfvae"
    compose = (folder / "compose.yaml").read_text()
    assert f":{row.base_path}:ro" in compose
    for flag in ("--enable_batching", "--enable_per_model_batching_parameters"):
        assert f"- {flag}" in compose
    for name in ("models.config", "monitoring.config"):
        assert f"./{name}:/config/{name}:ro" in compose and f"=/config/{name}" in compose
        assert (folder / name).is_file()
    assert "enable: true" in (folder / "monitoring.config").read_text()
