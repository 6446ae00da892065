"""Processes that run the command line with TensorFlow loaded already: forks of one that has loaded it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path


class Fork:
    """A process of the server's.

    Args:
        server: that started it.
        pid: its number.
        log: file of what it says.
    """

    def __init__(self, server, pid, log):
        self._server, self.pid, self.log = server, pid, log
        self.code = None

    def poll(self):
        """Returns the exit code, minus the signal's number after a signal; None while it runs."""
        if self.code is None:
            self.code = self._server.ask(poll=self.pid)
        return self.code

    def wait(self):
        """Waits for the end; returns the exit code."""
        if self.code is None:
            self.code = self._server.ask(wait=self.pid)
        return self.code

    def send(self, number):
        """Sends a signal if it still runs; returns whether it did."""
        if self.poll() is not None:
            return False
        os.kill(self.pid, number)
        return True

    def said(self):
        """Returns its output and errors."""
        return self.log.read_text()


class Server:
    """Starts processes in a fraction of a second each; a context manager.

    Args:
        folder: of their logs.
    """

    def __init__(self, folder):
        self._folder, self._count = Path(folder), 0

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, *words):
        """Starts `tfvae` with these words."""
        self._count += 1
        log = self._folder / f"log-{self._count}"
        log.touch()
        return Fork(self, self.ask(words=list(map(str, words)), log=str(log)), log)


def _child(request):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv[0] = "tfvae"
    from tfvae import cli

    try:
        code = cli.main(request["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve():
    import forked_workers  # beside this script
    import keras  # noqa: F401
    import tensorflow as tf  # noqa: F401
    import tensorflow_probability  # noqa: F401

    import tfvae.models  # noqa: F401
    from tfvae.training.runs import figures  # noqa: F401

    forked_workers.install()
    children = set()
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "words" in request:
            pid = os.fork()
            if pid == 0:
                _child(request)
            children.add(pid)
            answer = pid
        else:
            pid = request.get("poll", request.get("wait"))
            ended, status = os.waitpid(pid, os.WNOHANG if "poll" in request else 0)
            answer = os.waitstatus_to_exitcode(status) if ended else None
            if ended:
                children.discard(pid)
        print(json.dumps(answer), flush=True)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
