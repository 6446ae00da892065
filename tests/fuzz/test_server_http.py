"""A server that speaks broken HTTP, trickles or sends no end: told in one line, in time, and not read whole. Addresses.

Mutations, each seen to break a test here: a time limit for each wait alone, an answer that is read before its size is
known, an address that is not looked at, redirections followed, a name of a model that is not quoted.
"""

import json
import time

import numpy as np
import pytest
from kit.raw_server import http
from kit.served import ROWS, metadata, one_line, right, served

from tfvae.checks import UserError
from tfvae.export.serving import answers
from tfvae.export.serving import client as command
from tfvae.export.serving.client import Client
from tfvae.export.serving.transport import Rest


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "no answer from"),
        (b"\r\n\r\n", "no answer from"),
        (b"garbage\r\n\r\n", "no answer from"),
        (b"HTTP/1.1 \x1b[2J\r\n\r\n", "no answer from"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n{}", "no answer from"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n{}", "no answer from"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}", "wrong answer from"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "no answer from"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", "wrong answer from|no answer from"),
        (http(b"busy\x1b[2J\n" * 1000, 503), "no answer from .*received 503 busy"),
        (http(b'{"error": "no model"}', 404), r'no answer from .*404 {"error": "no model"}'),
        (http(b"", 204), "wrong answer from"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n", "no answer from .*302"),
        (b"HTTP/1.1 307 Moved\r\nLocation: file:///etc/passwd\r\n\r\n", "no answer from .*307"),
    ],
    ids=range(14),
)
def test_broken_http(answer, words):
    for server in (served(answer), served(b"", answer)):
        with server, pytest.raises(UserError, match=words) as error:
            Client(Rest(server.url, timeout=20.0)).sample(ROWS, seed=7)
        one_line(error)


def slowly(content, pause=0.05):
    return [(content[place : place + 1], pause) for place in range(len(content))]


@pytest.mark.parametrize("part", ["head", "body", "signatures", "nothing", "error"])
def test_a_server_that_trickles_does_not_hold_the_client(part):
    """Each byte comes in time, and the whole would take a minute."""
    body = json.dumps(right(), indent=4).encode()
    slow = {
        "head": slowly(http(body)),
        "body": [(http(b"", length=len(body)), 0.0), *slowly(body)],
        "signatures": b"",
        "nothing": [(b"", 60.0)],
        "error": [(http(b"", 500, length=1200), 0.0), *slowly(b"x" * 1200)],
    }
    described = slowly(http(json.dumps(metadata()).encode())) if part == "signatures" else None
    with served(slow[part], described) as server:
        started = time.monotonic()
        with pytest.raises(UserError, match=r"no answer from .*(within 1 seconds|timed out)") as error:
            Client(Rest(server.url, timeout=1.0)).sample(ROWS, seed=7)
        assert time.monotonic() - started < 20.0
    one_line(error)


@pytest.mark.parametrize("kind", ["length", "endless", "chunked", "signatures", "error"])
def test_a_large_answer_is_not_read(kind):
    """Of 400 MB no more is taken than the answer may have, and what the system buffers."""
    million, head = b" " * 2**20, b"HTTP/1.1 200 OK\r\n"
    heads = {
        "length": head + b"Content-Length: 419430400\r\n\r\n",
        "chunked": head + b"Transfer-Encoding: chunked\r\n\r\n",
        "error": b"HTTP/1.1 500 Bad\r\n\r\n",
    }
    if kind == "chunked":
        million = b"100000\r\n" + million + b"\r\n"
    large = [(heads.get(kind, head + b"\r\n"), 0.0), *[(million, 0.0)] * 400]
    with served(b"" if kind == "signatures" else large, large if kind == "signatures" else None) as server:
        with pytest.raises(
            UserError, match=r"no answer from .*" + ("500" if kind == "error" else "more than")
        ) as error:
            Client(Rest(server.url, timeout=60.0)).sample(ROWS, seed=7)
        time.sleep(0.1)
        assert server.sent < 100 * 2**20
    one_line(error)


@pytest.mark.parametrize("shape", [(64, 28, 28, 1), (3, 1, 1, 1, 1), (7,), (1, 1000), (64, 8, 8, 3)])
def test_the_limit_is_above_what_a_server_may_write(shape):
    """A server indents by four spaces and puts each number on a line of its own."""
    worst = -1.2345678901234567e-300
    body = json.dumps({"outputs": {"image": np.full(shape, worst).tolist()}}, indent=4)
    assert len(body) < answers.json_bytes({"image": ("float32", shape)}) < 6 * len(body) + 70_000


ADDRESSES = [
    "", " ", "localhost", "localhost:8501", "//localhost", "ftp://localhost", "file:///etc/passwd", "http://",
    "http://[::1", "http://[x]/", "http://localhost:99999", "http://localhost:-1", "http://localhost:0",
    "http://localhost:port", "http://:8501", "http://local host", "http://localhost:1\n", "http://localhost/\r\nX: y",
    "http://\x1b[2J", "http://h\u00f6st", "http://a..b", "http://" + "a" * 300, "http://a@b@c", "http://u:p@127.0.0.1:9",
    "http://127.0.0.1:9?x", "http://127.0.0.1:9#x", "http://127.0.0.1:9", "http://no-such-host.invalid",
    "https://127.0.0.1:9", "javascript:1", "http://%00", "http://127.0.0.1:9/" + "x" * 70_000, "http:///x",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_bad_addresses(address, tmp_path, capsys):
    out = str(tmp_path / "x.npy")
    assert command.main(["--rest", address, "sample", "--out", out]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told[:-1].isprintable() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("n", [2**31 - 1, 2**31, 10**25, 0, -1])
def test_more_samples_than_fit_are_not_asked_for(n, tmp_path, capsys):
    with served(http(json.dumps(right()).encode())) as server:
        words = ["--rest", server.url, "sample", "-n", str(n), "--out", str(tmp_path / "x.npy")]
        assert command.main(words) == 2 and not list(tmp_path.iterdir())
        assert capsys.readouterr().err.count("\n") == 1
        assert server.requests == ["/v1/models/tfvae/metadata"]


@pytest.mark.parametrize("out", ["", ".", "/", "\0", "x" * 300, "/dev/null/x"])
def test_where_no_file_can_be_written(out, capsys):
    with served(http(json.dumps(right()).encode())) as server:
        assert command.main(["--rest", server.url, "sample", "-n", str(ROWS), "--out", out]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("model", ["", "a\nb", "\0", 3, None])
def test_bad_names_of_models(model):
    with pytest.raises(UserError, match="the model has no name") as error:
        Rest("http://localhost:8501", model)
    one_line(error)


def test_the_name_of_a_model_is_quoted():
    with served(http(json.dumps(right()).encode())) as server:
        Client(Rest(server.url, "a/../b?c")).sample(ROWS, seed=7)
        assert server.requests[0] == "/v1/models/a%2F..%2Fb%3Fc/metadata"


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), 1e300, None, "60", True])
def test_bad_time_limits(timeout):
    with pytest.raises(UserError, match="timeout is") as error:
        Rest("http://localhost:8501", timeout=timeout)
    one_line(error)
