"""Real launchers of worker processes, and what tests ask of processes."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HALTED = Path(__file__).with_name("halted")
COMMAND = [sys.executable, "-c", "import sys; from tfvae import cli; sys.exit(cli.main())", "train"]
LIMIT = 600.0  # seconds that a start or an end may take on a busy machine


def is_running(pid):
    """Returns whether a process is there and not dead; a stopped one is, and one of whose threads some still end."""
    with contextlib.suppress(OSError):
        return state_of(pid) not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    return False


def state_of(pid):
    """Returns the letter of a process' state, T where a signal has stopped it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def await_that(condition, seconds=LIMIT):
    """Waits until a condition holds; returns what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def heed_interrupts():
    """Ctrl-C works in a process that was started where it is ignored, as background jobs of a shell are."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children_of(pid):
    """Returns the running children of a process that its main thread has started."""
    with contextlib.suppress(OSError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(int(child) for child in listed if is_running(int(child)))
    return []


def environment(own):
    """The environment of a user's terminal, and what is given."""
    hidden = (
        "TF_CONFIG",
        "TF_CPP_MIN_LOG_LEVEL",
    )  # the tests set the second, which brings TensorFlow's notices
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"CUDA_VISIBLE_DEVICES": ""} | own


def halting(folder):
    """The environment in which processes wait at the moment that the file `halt` in a folder names."""
    return {"PYTHONPATH": str(HALTED), "HALT": str(folder / "halt")}


class Launched:
    """A launcher and its workers, whose lines go into a file.

    Args:
        folder: of that file and of `halt`, whose content holds a worker.
        words: of `tfvae train`.
        server: forks.Server that makes the processes; else they are started as a user's.
    """

    def __init__(self, folder, *words, server=None):
        self.halt = folder / "halt"
        self.halt.write_text("")
        self.gone = set()
        if server:
            self.process = server.start("train", *words)
            self.log = self.process.log
            return
        self.log = folder / f"log-{time.monotonic_ns()}"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *map(str, words)],
                stderr=log,
                stdout=log,
                env=environment(halting(folder)),
                preexec_fn=heed_interrupts,
            )

    def said(self):
        return self.log.read_text()

    def workers(self):
        """Returns the processes of both workers, the chief first, waiting until they have been started."""

        def found():
            alive = [pid for pid in children_of(self.process.pid) if pid not in self.gone]
            return alive if len(alive) == 2 else None

        assert self.process.poll() is None, self.said()
        return await_that(found)

    def await_step(self, since=0):
        """Waits until a step is told after character `since` of what was said."""
        await_that(lambda: re.search(r"step \d+/", self.said()[since:]) or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def kill(self, rank, number=signal.SIGKILL):
        """Kills a worker; returns both processes."""
        pids = self.workers()
        self.gone.update(pids)
        os.kill(pids[rank], number)
        return pids

    def end(self):
        """Returns the exit code once the launcher and all of the last workers have ended."""
        return self.process.wait(LIMIT)
