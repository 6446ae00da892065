"""Run by forks.py: makes processes of the command line as forks of this one, which has loaded TensorFlow.

Lines of JSON on standard input are requests, {"words": [...], "log": FILE, "pause": [...] or null, "install": MODULE},
{"poll": PID} or {"wait": PID}; each is answered by a line: the process' number, or its exit code, null while it runs.
`pause` is what `install` of the module is given in the process. An argument names a module whose `prepare` is called.
"""

import contextlib
import importlib
import json
import os
import signal
import sys


def child(request):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv[0] = "tfvae"
    from tfvae import cli

    if request["pause"]:
        importlib.import_module(request["install"]).install(*request["pause"])  # beside this script
    try:
        code = cli.main(request["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve():
    import forked_workers  # beside this script
    import keras  # noqa: F401
    import tensorflow as tf  # noqa: F401
    import tensorflow_probability  # noqa: F401

    import tfvae.models  # noqa: F401
    from tfvae.training.runs import figures  # noqa: F401

    forked_workers.install()
    for name in sys.argv[1:]:
        importlib.import_module(name).prepare()
    children = set()
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "words" in request:
            pid = os.fork()
            if pid == 0:
                child(request)
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
    serve()
