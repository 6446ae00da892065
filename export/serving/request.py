"""One HTTP request with limits of time and size. The standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import socket
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tfvae.checks import UserError, number_in
from tfvae.export.serving.deadline import within

MOST_ERROR_BYTES = 65_536
DAY = 86_400.0


def base_url(url: Any) -> str:
    """Returns the URL of a server without a slash at its end.

    Raises:
        UserError: if it is not an http or https URL.

    Example:
        >>> base_url("http://localhost:8501/")
        'http://localhost:8501'
    """
    try:
        parts = urllib.parse.urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        right = right and not parts.query and not parts.fragment
        right = right and url.isascii() and url.isprintable() and " " not in url
    except (ValueError, AttributeError, TypeError):
        right = False
    if not right:
        raise UserError(
            "the server's address is wrong", expected="such as http://localhost:8501", received=ascii(url)
        )
    return url.rstrip("/")


def seconds(timeout: Any) -> float:
    """Returns a time limit above 0 and of at most a day, in seconds."""
    return number_in("timeout", timeout, 0.0, DAY, open_low=True)


def ask(url: str, data: bytes | None, timeout: float, most: int) -> bytes:
    """Returns the body of an answer.

    Args:
        url: address of the resource. A redirection is an error.
        data: JSON body to POST; None to GET.
        timeout: time limit for the whole answer, seconds.
        most: largest permitted size of the answer, bytes.

    Returns:
        content: bytes of the answer.

    Raises:
        OSError: if there is no answer in time, or it is too large. If the server refuses, the error has its text.
    """
    sockets: list[socket.socket] = []

    def work() -> bytes:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with _opener(sockets).open(request, timeout=timeout) as answer:
                length = answer.length or 0
                content = b"" if length > most else answer.read(most + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise OSError(f"{error.code} {_text(error)}") from error
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__} {error}") from error
        if max(length, len(content)) > most:
            raise OSError(f"more than the {most} bytes that the answer may have")
        return content

    def stop() -> None:
        for opened in sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    return within(timeout, work, stop)


def _text(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(MOST_ERROR_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""


def _opener(sockets: list[socket.socket]) -> urllib.request.OpenerDirector:
    """Returns an opener of http and https URLs that appends its sockets to `sockets`. Proxies are followed."""

    def noted(kind: type[http.client.HTTPConnection]) -> type[http.client.HTTPConnection]:
        class Noted(kind):  # type: ignore[misc, valid-type]
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        return Noted

    class Http(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(noted(http.client.HTTPConnection), request)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(noted(http.client.HTTPSConnection), request, context=self._context)  # type: ignore[attr-defined]

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        Http(),
        Https(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
