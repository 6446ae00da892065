"""Lets the launcher fork its workers from a process that has loaded TensorFlow: a start in a fraction of a second."""

import os
import signal
import subprocess
import sys
import time
import types

from tfvae.training.distribution import processes


class ForkedPopen:
    """What `processes` needs of `subprocess.Popen`."""

    def __init__(self, command, *, stdin, stdout, stderr, env, **_):
        assert command[1] == "-c"
        self.returncode = None
        outputs, given = [], []
        for stream in (stdout, stderr):
            ours, theirs = (
                os.pipe() if stream == subprocess.PIPE else (None, os.open(os.devnull, os.O_WRONLY))
            )
            outputs.append(None if ours is None else os.fdopen(ours, errors="replace"))
            given.append(theirs)
        self.stdout, self.stderr = outputs
        self.pid = os.fork()
        if not self.pid:
            _work(command, [stdin, *given], env)
        for handle in given:
            os.close(handle)

    def wait(self, timeout=None):
        """Waits for the end."""
        if self.returncode is None:
            try:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # another thread waits too, and was first
                while self.returncode is None:
                    time.sleep(0.005)
        return self.returncode

    def poll(self):
        """Returns the exit code; None while the process runs."""
        return self.returncode

    def kill(self):
        """Kills it."""
        os.kill(self.pid, signal.SIGKILL)


def _work(command, streams, environment):
    """Becomes the worker, with nothing open but its streams."""
    code = 1
    try:
        os.setsid()
        for number, handle in enumerate(streams):
            os.dup2(handle, number)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["tfvae", *command[3:]]
        exec(command[2], {})
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def install():
    """Makes this process' launchers fork their workers."""
    processes.subprocess = types.SimpleNamespace(
        Popen=ForkedPopen,
        PIPE=subprocess.PIPE,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )
