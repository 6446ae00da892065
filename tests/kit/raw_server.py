"""A server on loopback that answers HTTP requests with whatever bytes a test wants, whole or bit by bit."""

import contextlib
import socket
import threading
import time


class RawServer:
    """Accepts connections and answers each request with `answer(path)`: bytes, or parts with pauses between them.

    Attributes:
        sent: bytes that went out in all.
        requests: the paths that were asked for.
    """

    def __init__(self, answer):
        self._answer, self.sent, self.requests = answer, 0, []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads, self._ended = [], threading.Event()
        self._start(self._accept)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _start(self, work, *given):
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._socket.accept()[0])

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65_536) or b"\r\n\r\n"
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(
                (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0"
            )
            while len(body) < int(length.partition(b":")[2]):
                body += connection.recv(65_536) or b" " * 10_000
            path = head.split(b" ")[1].decode() if b" " in head else ""
            self.requests.append(path)
            answer = self._answer(path)
            for part, pause in [(answer, 0.0)] if isinstance(answer, bytes) else answer:
                connection.sendall(part)
                self.sent += len(part)
                if self._ended.wait(pause):
                    return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ended.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        deadline = time.monotonic() + 10.0
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def http(body, code=200, length=None):
    """An HTTP answer with a body."""
    size = len(body) if length is None else length
    return (
        b"HTTP/1.1 %d Words\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (code, size)
        + body
    )
