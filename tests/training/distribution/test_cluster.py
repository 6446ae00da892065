"""The examples for Slurm and Kubernetes are well formed, and give each worker a TF_CONFIG that the command reads.

Mutations, each seen to break a test here: an unquoted address in the sbatch script; completions other than the
number of workers; a host name that is not the Service's.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tfvae.cli.arguments import parser
from tfvae.training.distribution import tf_config

FOLDER = Path(__file__).parents[3] / "training" / "distribution" / "cluster"
TFVAE = '#!/bin/bash\nprintf "%s\\n" "$TF_CONFIG" > "$OUT"\nprintf "%s\\n" "$@" >> "$OUT.words"\nexit ${CODE:-0}\n'
SCONTROL = "#!/bin/bash\n[ \"$1 $2 $3\" = 'show hostnames node-[a-b]' ] && printf 'node-a\\nnode-b\\n'\n"
SRUN = (
    '#!/bin/bash\n[ "$1" = --kill-on-bad-exit=1 ] || exit 9\nshift\n'
    'for SLURM_PROCID in 0 1; do export SLURM_PROCID OUT="$BASE.$SLURM_PROCID"; "$@" || code=$?; done\n'
    "exit ${code:-0}\n"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Returns a function that runs bash where tfvae, srun and scontrol are stubs."""
    for name, script in {"tfvae": TFVAE, "scontrol": SCONTROL, "srun": SRUN}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("TF_CONFIG", raising=False)

    def run(*words, **environment):
        return subprocess.run(
            ["bash", *map(str, words)], env=os.environ | environment, capture_output=True, text=True
        )

    return run


def task_and_options(out, monkeypatch):
    """What the stub of tfvae was given, as the command reads it."""
    monkeypatch.setenv("TF_CONFIG", out.read_text())
    return tf_config.from_environment(), parser().parse_args(
        out.with_name(f"{out.name}.words").read_text().split()
    )


def test_slurm_gives_each_node_its_task(run, tmp_path, monkeypatch):
    script = FOLDER / "slurm.sbatch"
    assert run("-n", script).returncode == 0
    slurm = {"SLURM_JOB_ID": "123456", "SLURM_JOB_NODELIST": "node-[a-b]", "BASE": str(tmp_path / "out")}
    done = run(script, **slurm)
    assert (done.returncode, done.stderr) == (0, "")
    for rank in range(2):
        task, options = task_and_options(tmp_path / f"out.{rank}", monkeypatch)
        assert task.addresses == ("node-a:23456", "node-b:23456") and task.rank == rank
        assert options.strategy == "multiworker" and options.workers is None and not options.resume
    for code, attempts in (("3", 3), ("2", 1)):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "config.json").touch()
        (tmp_path / "out.1.words").unlink()
        done = run(script, CODE=code, RESTARTS="2", **slurm)
        assert done.returncode == int(code)
        words = (tmp_path / "out.1.words").read_text().split()
        assert words.count("train") == words.count("--resume") == attempts


def test_kubernetes_gives_each_pod_its_task(run, tmp_path, monkeypatch):
    yaml = pytest.importorskip("yaml")
    service, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    name, spec = job["metadata"]["name"], job["spec"]
    assert service["spec"]["selector"] == {"job-name": name} and service["spec"]["clusterIP"] == "None"
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert spec["completionMode"] == "Indexed" and pod["subdomain"] == service["metadata"]["name"]
    assert spec["completions"] == spec["parallelism"] == int(variables["WORKERS"]) == 2
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container["name"] and pod["restartPolicy"] == "Never"
    shell, flags, script = container["command"]
    assert (shell, flags) == ("bash", "-euc")
    (port,) = (entry["port"] for entry in service["spec"]["ports"])
    addresses = tuple(f"{name}-{rank}.{pod['subdomain']}:{port}" for rank in range(2))
    assert variables.pop("RUN_DIR").startswith(container["volumeMounts"][0]["mountPath"])
    for rank in range(2):
        out = tmp_path / f"out.{rank}"
        done = run(flags, script, JOB_COMPLETION_INDEX=str(rank), OUT=str(out), **variables)
        assert (done.returncode, done.stderr) == (0, "")
        task, options = task_and_options(out, monkeypatch)
        assert task.addresses == addresses and task.rank == rank and not options.resume
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    run(flags, script, JOB_COMPLETION_INDEX="1", OUT=str(out), **variables)
    assert out.with_name("out.1.words").read_text().split().count("--resume") == 1
