"""What `save_tflite` writes and refuses, and `OnDevice`.

Mutations, each seen to break a test here: the converter's own float16 mode, softplus left to the converter, the check
after writing left out, `force` ignored, a chunk that forgets its rest, NaN let through.
"""

import os
import resource
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal
from tfvae.export import OnDevice, convert, native, parity, portable, save_tflite, tflite
from tfvae.export.signatures import signatures
from tfvae.networks import MLP

K = 5
ROOT = Path(__file__).parents[2]


def wide():
    """784-300-10-300-784: large enough for its weights to outweigh its graph and for 8-bit weights to be used."""
    keras.utils.set_random_seed(3)
    model = VAE(MLP([300]), MLP([300]), posterior=DiagonalNormal(10), likelihood=Bernoulli((28, 28, 1)))
    model.build()
    for layer in (model.encoder.dense[0], model.likelihood_head.logits_layer.linear):
        layer.kernel.assign(layer.kernel * 0.1)
    return model


@pytest.fixture(scope="module")
def model():
    return models.create("vae-mlp")


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    return save_tflite(model, tmp_path_factory.mktemp("tflite") / "model.tflite", num_samples=K).path


@pytest.fixture(scope="module")
def device(file):
    return OnDevice(file)


def test_methods_are_those_of_the_model(model, device):
    x = models.examples(model, 300)  # more than one chunk
    z = np.asarray(model.encode(x))
    assert parity.difference(np.asarray(model.sample(300, seed=7)), device.sample(300, seed=7)) < 1e-5
    assert parity.difference(z, device.encode(x)) < 1e-5
    assert parity.difference(np.asarray(model.decode(z)), device.decode(z)) < 1e-5
    assert parity.difference(np.asarray(model.reconstruct(x)), device.reconstruct(x)) < 1e-5
    assert parity.difference(np.asarray(model.elbo(x, K, seed=3)), device.elbo(x, seed=3)) < 1e-5
    assert parity.difference(np.asarray(model.iwelbo(x, K, seed=3)), device.log_prob(x, seed=3)) < 1e-5
    assert device.event_shape == (3, 2) and device.latent_shape == (2,)


def test_samples_depend_on_their_seed_alone(device):
    assert np.array_equal(device.sample(5, seed=7), device.sample(5, seed=7))
    assert parity.difference(device.sample(5, seed=7), device.sample(9, seed=7)[:5]) < 1e-6
    seeds = [device.sample(1, seed=seed).tobytes() for seed in range(-100, 100)]
    assert len(set(seeds)) == 200


@pytest.mark.slow
def test_fixed_batch(model, tmp_path):
    report = save_tflite(model, tmp_path / "four.tflite", fixed_batch=4, num_samples=100)
    device = OnDevice(report.path)
    assert all(shape[0] == 4 for specs in device.inputs.values() for _, shape in specs.values())
    x = models.examples(model, 6)
    assert parity.difference(np.asarray(model.sample(6, seed=7)), device.sample(6, seed=7)) < 1e-5
    assert parity.difference(np.asarray(model.iwelbo(x, 100, seed=3)), device.log_prob(x, seed=3)) < 1e-5


@pytest.mark.slow
def test_size_and_quantisation(tmp_path, capsys):
    model = wide()
    images = parity.examples(model, 200).x
    reports = {}
    for kind in (None, "float16", "dynamic"):
        path = tmp_path / f"{kind}.tflite"
        reports[kind] = save_tflite(model, path, kind, num_samples=2, images=images)
        assert reports[kind].size == path.stat().st_size
    assert abs(reports[None].size / (4 * model.count_params()) - 1) < 0.05
    assert abs(reports["float16"].size / reports[None].size - 0.5) < 0.05
    assert reports["dynamic"].size < 0.35 * reports[None].size
    assert reports[None].difference < 1e-5 and reports[None].elbo_change is None
    for kind in ("float16", "dynamic"):
        assert reports[kind].difference > 1e-5 and 0 < abs(reports[kind].elbo_change) < 0.1
        assert reports[kind].images == "200 images"
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and all("the ELBO changes by" in line and "200 images" in line for line in said)
    latents = model.sample_latents(tfvae_noise(8))
    for kind in reports:
        drawn = OnDevice(reports[kind].path).run("sample", seed=row_seeds(8))["latent"]
        np.testing.assert_allclose(drawn, latents, rtol=0, atol=1e-6, err_msg=str(kind))


def row_seeds(n):
    return np.stack([np.full(n, 7), np.arange(n)], axis=1).astype(np.int32)


def tfvae_noise(n):
    from tfvae import random

    return random.ThreefryNoise(tf.constant(row_seeds(n)))


@pytest.mark.slow
def test_a_quantised_file_that_is_too_far_off_is_refused(tmp_path, monkeypatch):
    model = wide()
    kernel = model.likelihood_head.logits_layer.linear.kernel
    kernel.assign(kernel * 2000.0)
    path = tmp_path / "model.tflite"
    options = {"quantization": "dynamic", "num_samples": 2, "images": parity.examples(model, 100).x}
    options["images"] = 1.0 - options["images"]
    contents, right = [], convert.convert
    monkeypatch.setattr(tflite, "convert", lambda *given: contents.append(right(*given)) or contents[0])
    with pytest.raises(
        UserError, match=r"changes the ELBO too much; expected at most 0.1 nats on 100 images"
    ):
        save_tflite(model, path, **options)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(tflite, "convert", lambda *_: contents[0])
    report = save_tflite(model, path, force=True, **options)
    assert abs(report.elbo_change) > 0.1 and path.exists()


@pytest.fixture(scope="module")
def wrong():
    """The file of a model with other weights."""
    other = models.create("vae-mlp", seed=2)
    return convert.convert(other, _without_default(signatures(other, K)), "none")


@pytest.mark.slow
@pytest.mark.parametrize("existing", [False, True])
def test_a_file_that_disagrees_does_not_stay(model, file, wrong, tmp_path, monkeypatch, existing):
    path, old = tmp_path / "model.tflite", file.read_bytes()
    if existing:
        path.write_bytes(old)
    monkeypatch.setattr(tflite, "convert", lambda *_: wrong)
    with pytest.raises(UserError, match=r"the TFLite file disagrees with the model in \w+ of signature \w+"):
        save_tflite(model, path, num_samples=K, overwrite=existing)
    assert [left.read_bytes() for left in tmp_path.iterdir()] == [old] * existing


def _without_default(table):
    return {name: row for name, row in table.items() if name != "serving_default"}


@pytest.mark.slow
def test_large_logits(tmp_path):
    """LiteRT's own softplus is infinite from 89 on."""
    model = models.create("vae-mlp")
    kernel = model.likelihood_head.logits_layer.linear.kernel
    kernel.assign(kernel * 3000.0)
    assert np.abs(model.likelihood_parameters(np.ones((1, 2), np.float32))[0]).max() > 200
    save_tflite(model, tmp_path / "model.tflite", num_samples=K)


def test_portable_softplus():
    x = np.concatenate([np.linspace(-100, 100, 4001), [-1e4, 1e4]]).astype(np.float32)
    exact = np.logaddexp(0.0, x.astype(np.float64))
    found = portable.softplus(tf.constant(x)).numpy()
    normal = exact > 1e-37
    np.testing.assert_allclose(found[normal], exact[normal], rtol=1e-6)
    assert np.all(found[~normal] < 1e-37)


@keras.saving.register_keras_serializable(package="test")
class Erf(keras.layers.Layer):
    def call(self, features):
        return tf.math.erf(features)


@pytest.mark.slow
def test_an_operation_that_litert_lacks_is_named_with_its_layer(tmp_path, capfd):
    encoder = keras.Sequential([keras.layers.Dense(3), Erf(name="curved")])
    model = VAE(encoder, MLP([3]), posterior=DiagonalNormal(2), likelihood=Bernoulli(4))
    model.build()
    capfd.readouterr()
    with pytest.raises(
        UserError, match=r"LiteRT lacks Erf; .*curved\w* of encode, log_prob, reconstruct"
    ) as caught:
        save_tflite(model, tmp_path / "model.tflite")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
    assert "loc(" not in "".join(capfd.readouterr()) and "not of tfvae" not in str(caught.value)


@keras.saving.register_keras_serializable(package="test")
class Poisson(Bernoulli):
    """A head of a user's own, with an operation that LiteRT's converter takes apart for one batch size alone."""

    def log_prob(self, parameters, value):
        rate = tf.exp(parameters[0])
        return tf.reduce_sum(value * parameters[0] - rate - tf.math.lgamma(value + 1.0), axis=-1)


@pytest.mark.slow
def test_a_head_that_does_not_run_is_named(tmp_path, capfd):
    model = VAE(MLP([3]), MLP([3]), posterior=DiagonalNormal(2), likelihood=Poisson(4))
    model.build()
    capfd.readouterr()
    words = r"Lgamma in Lgamma of log_prob; not of tfvae: Poisson \(likelihood_head\)"
    with pytest.raises(UserError, match=rf"LiteRT does not run the converted model; .*{words}") as caught:
        save_tflite(model, tmp_path / "model.tflite", num_samples=2)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
    assert "loc(" not in "".join(capfd.readouterr())


def test_what_the_converter_writes_is_kept_for_other_errors(capfd):
    with native.held_back():
        os.write(1, b"dropped")
        os.write(2, b"dropped")
    with pytest.raises(UserError), native.held_back():
        os.write(2, b"dropped")
        raise UserError("told")
    with pytest.raises(ZeroDivisionError), native.held_back():
        os.write(1, b"one, ")
        os.write(2, b"two")
        raise ZeroDivisionError
    assert capfd.readouterr() == ("", "one, two")


def test_only_built_in_operations(file):
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.read_model(str(file))
    codes = {max(code.builtinCode, code.deprecatedBuiltinCode) for code in content.operatorCodes}
    assert codes and schema.BuiltinOperator.CUSTOM not in codes
    stateful = ("RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL", "VAR_HANDLE")
    assert not codes & {getattr(schema.BuiltinOperator, name) for name in stateful}
    keys = sorted(signature.signatureKey.decode() for signature in content.signatureDefs)
    assert keys == ["decode", "encode", "log_prob", "reconstruct", "sample"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"quantization": "int8"},
            "unknown quantization; expected one of none, float16, dynamic; .*int8 is not offered: .* 3.6 % of MNIST",
        ),
        ({"fixed_batch": 0}, "fixed_batch"),
        ({"num_samples": 0}, "num_samples"),
    ],
)
def test_bad_arguments(model, tmp_path, options, words):
    with pytest.raises(UserError, match=words):
        save_tflite(model, tmp_path / "model.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_refused(model, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    with pytest.raises(UserError, match=r"exists.*overwrite"):
        save_tflite(model, path)
    assert path.read_bytes() == b"old"


def test_a_full_disk_leaves_nothing_behind(model, file, wrong, tmp_path):
    path, old = tmp_path / "model.tflite", file.read_bytes()
    path.write_bytes(old)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tflite, "convert", lambda *_: wrong)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            with pytest.raises(UserError, match=r"cannot write .*make room"):
                save_tflite(model, path, overwrite=True, num_samples=K)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [left.read_bytes() for left in tmp_path.iterdir()] == [old]


def test_an_unbuilt_model(tmp_path):
    with pytest.raises(UserError, match="has no weights yet"):
        save_tflite(models.TABLE["vae-mlp"](), tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda device: device.encode(np.zeros((2, 3, 3), np.float32)), "x has the wrong shape; expected"),
        (lambda device: device.encode(np.zeros((3, 2), np.float32)), "wrong shape"),
        (lambda device: device.encode(np.zeros((2, 3, 2), np.int64)), "wrong dtype; expected float32"),
        (lambda device: device.encode("image"), "wrong dtype"),
        (lambda device: device.reconstruct(np.full((2, 3, 2), np.nan, np.float32)), "not finite"),
        (lambda device: device.log_prob(np.full((2, 3, 2), np.inf, np.float32)), "not finite"),
        (lambda device: device.log_prob(np.zeros((0, 3, 2), np.float32)), "empty"),
        (lambda device: device.log_prob(np.zeros((1, 3, 2), np.float32), seed=1.5), "32-bit integer"),
        (lambda device: device.decode(np.zeros((2, 3), np.float32)), "z has the wrong shape"),
        (lambda device: device.sample(0, seed=1), "n is not a positive integer"),
        (lambda device: device.sample(2, seed=2**31), "32-bit integer"),
        (
            lambda device: device.sample(2**31 - 1, seed=1),
            "2147483647 samples would need at least .* of memory",
        ),
        (
            lambda device: device.sample(10**30, seed=1),
            "n is too large; expected an integer from 1 to 2147483647",
        ),
        (lambda device: device.run("dream"), "no such signature"),
    ],
)
def test_bad_input(device, call, words):
    with pytest.raises(UserError, match=words):
        call(device)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cvae-column", "regressor-label"])
def test_a_model_with_a_condition(name, tmp_path):
    model = models.create(name)
    device = OnDevice(save_tflite(model, tmp_path / "model.tflite", num_samples=K).path)
    batch = dict(parity.examples(model, 3).arguments())
    condition = batch["condition"]
    assert device.event_shape == model.event_shape and device.condition_shape == model.condition_shape
    assert parity.difference(np.asarray(model(condition)), device.predict(condition)) < 1e-5
    with pytest.raises(UserError, match="condition has the wrong shape"):
        device.predict(condition[:, :2])
    with pytest.raises(UserError, match="condition is missing in a request of log_prob"):
        device.log_prob(batch["x"])
    if name.startswith("regressor"):
        exact = np.asarray(model.log_prob(**batch))
        assert parity.difference(exact, device.log_prob(**batch)) < 1e-5
        with pytest.raises(UserError, match="no such signature"):
            device.sample(2, 7, condition)
        return
    drawn = device.sample(2, 7, condition)
    assert parity.difference(np.asarray(model.sample(2, seed=7, condition=condition)), drawn) < 1e-5
    for method in ("encode", "reconstruct"):
        expected = np.asarray(getattr(model, method)(**batch))
        assert parity.difference(expected, getattr(device, method)(**batch)) < 1e-5
    z = np.asarray(model.encode(**batch))
    expected = np.asarray(model.decode(z, condition=condition))
    assert parity.difference(expected, device.decode(z, condition=condition)) < 1e-5
    expected = np.asarray(model.elbo(num_samples=K, seed=3, **batch))
    assert parity.difference(expected, device.elbo(seed=3, **batch)) < 1e-5
    for ask in (lambda: device.sample(2, 7), lambda: device.encode(batch["x"]), lambda: device.decode(z)):
        with pytest.raises(UserError, match="condition is missing in a request"):
            ask()


def test_a_truncated_file(file, tmp_path):
    """In a process of its own: the runtime has been known to die of damaged files."""
    content = file.read_bytes()
    lengths = [0, 3, 8, 100, 1000, len(content) // 2, len(content) - 100, len(content) - 4]
    for length in lengths:
        (tmp_path / f"{length}.tflite").write_bytes(content[:length])
    (tmp_path / "text.tflite").write_text("not a model " * 100)
    names = [str(tmp_path / f"{length}.tflite") for length in lengths] + [
        str(tmp_path / "text.tflite"),
        str(tmp_path / "no.tflite"),
    ]
    code = (
        "import sys\nfrom tfvae.checks import UserError\nfrom tfvae.export import OnDevice\n"
        "for name in sys.argv[1:]:\n try: OnDevice(name)\n except UserError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(names)
    assert all("is damaged or no .tflite file" in line for line in said[:-1]), said
    assert "there is no file" in said[-1]


def test_without_tensorflow(file, model, tmp_path):
    """A site-packages that holds tfvae, ai-edge-litert and NumPy and nothing else."""
    site = tmp_path / "site"
    shutil.copytree(ROOT / "tfvae", site / "tfvae", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("export", "training"):
        shutil.copytree(ROOT / room, site / "tfvae" / room, ignore=shutil.ignore_patterns("__pycache__"))
    installed = Path(sysconfig.get_path("purelib"))
    for name in ("ai_edge_litert", "numpy", "numpy.libs", "flatbuffers", "backports"):
        if (installed / name).exists():
            (site / name).symlink_to(installed / name)
    code = (
        "import importlib.util, sys\n"
        f"sys.path.insert(0, {str(site)!r})\n"
        "assert not any(map(importlib.util.find_spec, ('tensorflow', 'keras', 'tensorflow_probability')))\n"
        "from tfvae.export import OnDevice\n"
        f"device = OnDevice({str(file)!r})\n"
        "x = device.reconstruct(device.sample(3, seed=7))\n"
        "assert x.shape == device.log_prob(x, seed=0).shape + (3, 2)\n"
        f"import numpy; numpy.save({str(tmp_path / 'drawn.npy')!r}, device.sample(3, seed=7))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert parity.difference(np.asarray(model.sample(3, seed=7)), np.load(tmp_path / "drawn.npy")) < 1e-5
