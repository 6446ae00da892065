"""What a server answers is held to what it was asked: all else is told in one line.

Mutations, each seen to break a test here: rows not counted, NaN let through, null and true taken for numbers, one
output without a name taken for two, two outputs of which one is missing.
"""

import copy
import json

import numpy as np
import pytest
from kit.fuzz import generator, portions
from kit.raw_server import RawServer, http
from kit.served import ROWS, changed, garbled, metadata, one_line, right, served

from tfvae.checks import UserError
from tfvae.export.serving.client import Client
from tfvae.export.serving.transport import Rest


def numbers(bad):
    """The right answer but for one number of an image, the text `bad`."""
    content = right()
    content["outputs"]["image"][2][1][0] = 12345.5
    return json.dumps(content).replace("12345.5", bad).encode()


def wrong_contents():
    """Bodies that answer no request of five samples."""
    whole = json.dumps(right()).encode()
    latent = right()["outputs"]["latent"]
    ragged = right()["outputs"]["image"]
    ragged[3] = ragged[3][:1]
    flat = np.zeros([ROWS, 7]).tolist()
    yield from (json.dumps(right(rows)).encode() for rows in (0, 1, 3, 4, 6, 8, 64))
    for image in (flat, ragged, latent, [], [[]], [[[]]] * ROWS, None, "image", 3, True, {}, {"0": ragged}):
        yield json.dumps(changed(image=image)).encode()
    for bad in ('NaN Infinity -Infinity 1e999 1e39 -1e39 null true "1.5" [] {} [1.0] 1' + "0" * 400).split():
        yield numbers(bad)
    yield numbers("1" + "0" * 5000)
    yield json.dumps({"outputs": {"image": right()["outputs"]["image"]}}).encode()
    yield json.dumps(changed(more=latent)).encode()
    yield json.dumps({"outputs": right()["outputs"]["image"]}).encode()
    yield json.dumps({"predictions": right()["outputs"]}).encode()
    yield from (json.dumps(content).encode() for content in (None, True, 3, "outputs", [], {}, [right()]))
    yield from (b"", b" ", b"<html>\x1b[2J busy</html>", b"\xff\xfe\x00", b"\x80", b"{", b'{"outputs": ')
    yield from (b"[" * 2000, b'{"outputs": ' * 200, b'{"outputs": ' + b"[" * 2000 + b"]" * 2000 + b"}")
    yield from (whole[:cut] for cut in range(0, len(whole) - 1, len(whole) // 20))
    yield from (whole + b"}", whole + whole, b"\0" + whole)


WRONG = list(wrong_contents())


@pytest.mark.parametrize("cases", portions(len(WRONG), 45))
def test_a_wrong_answer_is_told(cases):
    now = [b""]
    with RawServer(
        lambda path: http(json.dumps(metadata()).encode() if path.endswith("metadata") else now[0])
    ) as server:
        client = Client(Rest(server.url, timeout=60.0))
        for case in cases:
            now[0] = WRONG[case]
            with pytest.raises(UserError, match="wrong answer from") as error:
                client.sample(ROWS, seed=7)
            one_line(error)
        now[0] = json.dumps(right(), indent=4).encode()
        assert client.sample(ROWS, seed=7).tolist() == np.float32(right()["outputs"]["image"]).tolist()


def nodes(value, path=()):
    """Yields the path of every part of a JSON value."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from nodes(child, (*path, key))


JUNK = [
    None,
    True,
    -1,
    0,
    3,
    10**30,
    -(10**400),
    1.5,
    1e300,
    "",
    "-1",
    "a\x1b[2J\nb",
    "9" * 5000,
    [],
    {},
    [[]],
    [None],
]
JUNK += [{"size": "-1"}, {"dim": 3}, ["x"] * 3, {"": {}}, "DT_STRING", "DT_FLOAT"]


def mutated(content, rng):
    """The content with one to three of its parts replaced, left out or renamed."""
    content = copy.deepcopy(content)
    for _ in range(int(rng.integers(1, 4))):
        paths = list(nodes(content))
        path = paths[int(rng.integers(len(paths)))]
        junk = JUNK[int(rng.integers(len(JUNK)))]
        if not path:
            return junk
        place = content
        for key in path[:-1]:
            place = place[key]
        kind = rng.integers(4)
        if kind == 0:
            del place[path[-1]]
        elif kind == 1 and isinstance(place, dict):
            place[str(junk)[:50]] = place.pop(path[-1])
        else:
            place[path[-1]] = junk
    return content


def ask(url):
    """Returns "told" for one line, "answered" for numbers of the right shape."""
    try:
        images = Client(Rest(url, timeout=20.0)).sample(ROWS, seed=7)
    except UserError as error:
        assert "\n" not in str(error) and str(error).isprintable() and len(str(error)) < 1200, error
        return "told"
    assert images.shape[0] == ROWS and images.dtype == np.float32 and np.isfinite(images).all()
    return "answered"


@pytest.mark.parametrize("cases", portions(240, 60))
def test_a_server_that_says_anything(cases):
    """Signatures and answers with parts replaced, bytes changed, in HTTP that is broken."""
    now = {}
    outcomes = []
    with RawServer(lambda path: now["metadata" if path.endswith("metadata") else "predict"]) as server:
        for case in cases:
            rng = generator(case)
            described, answer = json.dumps(metadata()).encode(), json.dumps(right()).encode()
            kind = case % 6
            if kind in (0, 1):
                described = json.dumps(mutated(metadata(), rng)).encode()
            elif kind == 2:
                answer = json.dumps(mutated(right(), rng)).encode()
            elif kind == 3:
                described = garbled(described, rng)
            elif kind == 4:
                answer = garbled(answer, rng)
            now = {"metadata": http(described), "predict": http(answer)}
            if kind == 5:
                name = ("metadata", "predict")[case % 2]
                head, _, body = now[name].partition(b"\r\n\r\n")
                now[name] = garbled(head, rng) + b"\r\n\r\n" + body
            outcomes.append(ask(server.url))
    assert len(outcomes) == len(cases) and outcomes.count("told") > len(cases) / 3


def test_outputs_without_names():
    """A server leaves the name out where there is one output; two of one shape are not taken from one list."""
    numbers = [0.5] * ROWS
    x = np.zeros([ROWS, 2, 3], np.float32)
    with (
        served(http(json.dumps({"outputs": numbers}).encode())) as server,
        pytest.raises(UserError, match=r"wrong answer from .*expected outputs elbo, log_prob"),
    ):
        Client(Rest(server.url)).score(x)
    with served(http(json.dumps({"outputs": x.tolist()}).encode())) as server:
        assert np.array_equal(Client(Rest(server.url)).reconstruct(x), x)
