"""The page: what it consists of, what it refuses, and how it behaves in headless Chromium.

The browser test needs Chromium, Node, and a folder node_modules with @litertjs/core and playwright-core that
TFVAE_NODE_MODULES names; without them it is skipped.

Mutations, each seen to break a test here: a slider that draws nothing, a seed that is ignored, the least active units
first.
"""

import functools
import http.server
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from conformance import models
from kit import browser

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal
from tfvae.export import OnDevice, layouts, save_web, web
from tfvae.networks import MLP


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(1)
    model = VAE(
        MLP([8], "tanh"), MLP([8], "tanh"), posterior=DiagonalNormal(12), likelihood=Bernoulli((6, 5, 1))
    )
    model.build()
    for variable in model.trainable_variables:
        variable.assign(variable * 3.0)
    return model


@pytest.fixture
def pretended(tmp_path):
    """A folder node_modules whose files have the right names."""
    for name in web.VENDORED:
        file = tmp_path / "node_modules" / "@litertjs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "node_modules"


@pytest.mark.slow
def test_the_folder(model, pretended, tmp_path):
    x = np.asarray(model.sample(40, seed=1, mean=False))
    labels = np.arange(40) % 2
    folder = save_web(model, tmp_path / "page", runtime=pretended, images=x, labels=labels)
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    assert names == sorted(
        ["index.html", "model.tflite", "page.json", *(f"runtime/{name}" for name in web.VENDORED.values())]
    )
    page = json.loads((folder / "page.json").read_text())
    codes = np.asarray(model.encode(x))
    assert page["units"] == np.argsort(-codes.var(axis=0))[:10].tolist()
    assert [attribute["name"] for attribute in page["attributes"]] == ["0", "1"]
    direction = codes[labels == 1].mean(0) - codes.mean(0)
    np.testing.assert_allclose(page["attributes"][1]["direction"], direction, atol=1e-5)
    text = (folder / "index.html").read_text()
    assert "http://" not in text and "https://" not in text
    layouts.check_target(folder, True, layouts.WEB)
    with pytest.raises(UserError, match=r"exists.*overwrite"):
        save_web(model, folder, runtime=pretended)


def test_what_is_refused(model, pretended, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"runtime for browsers is not installed.*npm install"):
        save_web(model, tmp_path / "page", runtime=tmp_path)
    monkeypatch.chdir(tmp_path / "node_modules" / "@litertjs")
    assert web._modules(None) == pretended / "@litertjs"
    with pytest.raises(UserError, match="images with a continuous latent vector"):
        save_web(models.create("vae-mlp"), tmp_path / "page", runtime=pretended)
    for name in ("cvae-image", "regressor-column"):
        with pytest.raises(
            UserError, match=r"no place for a condition.*export a TFLite file or a SavedModel"
        ):
            save_web(models.create(name), tmp_path / "page", runtime=pretended)
    assert sorted(os.listdir(tmp_path)) == ["node_modules"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.slow
@pytest.mark.skipif(
    not browser.HERE,
    reason="needs Node, Chromium and TFVAE_NODE_MODULES with @litertjs/core and playwright-core",
)
def test_in_chromium(model, tmp_path):
    x = np.asarray(model.sample(40, seed=1, mean=False))
    folder = save_web(model, tmp_path / "page", runtime=browser.MODULES, images=x, labels=np.arange(40) % 2)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        seen = browser.drive(Path(__file__).with_name("drive.mjs"), url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert seen["errors"] == [] and seen["elsewhere"] == []

    def grey(pixels):
        colours = np.reshape(pixels, (6, 5, 4))
        assert (colours[..., 3] == 255).all() and (colours[..., 0] == colours[..., 2]).all()
        return colours[..., 0] / 255.0

    device = OnDevice(folder / "model.tflite")
    exact = device.sample(1, seed=7)[0, ..., 0]
    assert np.abs(grey(seen["seed7"]) - exact).max() <= 1 / 255
    assert np.abs(exact - np.asarray(model.sample(1, seed=7))[0, ..., 0]).max() < 1e-5
    assert seen["again"] == seen["seed7"]
    assert np.abs(grey(seen["mix"]["0"]) - exact).max() <= 1 / 255
    assert np.abs(grey(seen["mix"]["1"]) - device.sample(1, seed=8)[0, ..., 0]).max() <= 1 / 255
    different = [
        seen["seed7"],
        seen["unit"],
        seen["attribute"],
        seen["mix"]["0.5"],
        seen["mix"]["1"],
        seen["fresh"],
    ]
    assert len({tuple(pixels) for pixels in different}) == len(different)
    fresh = device.sample(1, seed=int(seen["freshSeed"]))[0, ..., 0]
    assert np.abs(grey(seen["fresh"]) - fresh).max() <= 1 / 255
    assert seen["units"] == 10 and seen["attributes"] == 2
