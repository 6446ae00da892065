"""Images that can be told apart, and other helpers of the tests of data."""

import json
import os
import subprocess
import sys

import numpy as np


def numbered(count, shape=(2, 3, 1), dtype=np.uint8):
    """Images that tell their own number, in all pixels."""
    return np.broadcast_to(
        np.arange(count, dtype=dtype).reshape(-1, *[1] * len(shape)), (count, *shape)
    ).copy()


def numbers(split):
    return split.images[:, 0, 0, 0].tolist()


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


def fresh_process(code, **environment):
    """Runs code in a new interpreter and returns what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", "import json, sys, time\n" + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr
