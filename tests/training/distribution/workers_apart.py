"""Several `tfvae train`, each with its own TF_CONFIG, from one import of TensorFlow.

    python workers_apart.py FOLDER

FOLDER/cases.json holds a list of {"task": TF_CONFIG, "words": arguments}; case I leaves I.out, with what it says, and
I.code, its exit code. Each runs in a fork that is made before TensorFlow computes anything.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import tensorflow as tf  # noqa: F401

from tfvae import cli


def case(folder, number, task, words):
    with open(folder / f"{number}.out", "w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ["TF_CONFIG"] = json.dumps(task)
    code = 1
    try:
        code = cli.main(["train", "--strategy", "multiworker", *words])
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    (folder / f"{number}.code").write_text(str(code))
    os._exit(0)


folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
for number, each in enumerate(cases):
    if not os.fork():
        case(folder, number, each["task"], each["words"])
for _ in cases:
    os.wait()
