"""Processes that hold one implementation each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

import worker


class Worker:
    """A process that runs one implementation when it is asked to, and what it says to its standard error."""

    def __init__(self, name):
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, worker.__file__, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def ask(self, **question):
        """Returns the answer: a number.

        Raises:
            RuntimeError: if the process ended instead; with what it said.
        """
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")
            raise RuntimeError(f"a worker ended when asked {question}:\n{said[-3000:]}")
        return json.loads(line)["value"]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._said.close()
