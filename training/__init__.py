"""The training room: data, settings, run directories, training, evaluation and report of a run.

Installed as `tfvae.training`.
"""

if not __name__.startswith("tfvae."):
    raise ImportError(
        "`training` is part of tfvae and is imported as `tfvae.training`; expected an installed package, received a "
        "bare checkout on sys.path; install it with `pip install .` or `pip install -e .`"
    )
