"""Headless Chromium, driven by Node, for tests of pages.

It needs Chromium, Node, and a folder node_modules with playwright-core that TFVAE_NODE_MODULES names.
"""

import json
import os
import shutil
import subprocess

MODULES = os.environ.get("TFVAE_NODE_MODULES")
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = bool(MODULES and PROGRAM and shutil.which("node"))


def drive(script, *words):
    """Runs a script with the folder of modules, the browser and further words; returns what it prints as JSON."""
    done = subprocess.run(
        ["node", script, os.path.abspath(MODULES), PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
