"""Processes that run the command line with TensorFlow loaded already: forks of one that has loaded it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from kit.launched import await_that


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

    def wait(self, seconds=None):
        """Waits for the end, up to a number of seconds; returns the exit code."""
        if seconds is not None:
            await_that(lambda: self.poll() is not None, seconds)
        if self.code is None:
            self.code = self._server.ask(wait=self.pid)
        return self.code

    def send(self, number):
        """Sends a signal if it still runs; returns whether it did."""
        if self.poll() is not None:
            return False
        os.kill(self.pid, number)
        return True

    def kill(self):
        """Kills it if it still runs."""
        self.send(signal.SIGKILL)

    def said(self):
        """Returns its output and errors."""
        return self.log.read_text()


class Server:
    """Starts processes in a fraction of a second each; a context manager.

    Args:
        folder: of their logs.
        environment: variables that they have beside those of this process.
        prepared: module beside this one whose `prepare` is called before anything is started.
    """

    def __init__(self, folder, environment=(), prepared=None):
        self._folder, self._count = Path(folder), 0
        self._command = [
            sys.executable,
            Path(__file__).with_name("forks_server.py"),
            *filter(None, [prepared]),
        ]
        self._environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""} | dict(environment)

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._environment,
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

    def start(self, *words, pause=None, install="paused"):
        """Starts `tfvae` with these words, to be held where `pause`, the arguments of a module's `install`,
        says."""
        self._count += 1
        log = self._folder / f"log-{self._count}"
        log.touch()
        pid = self.ask(words=list(map(str, words)), log=str(log), pause=pause, install=install)
        return Fork(self, pid, log)
