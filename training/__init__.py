"""The training room: data, configuration, run directories and the fit loop. Installed as `tfvae.training`."""

if not __name__.startswith("tfvae."):
    raise ImportError(
        "`training` is part of tfvae and is imported as `tfvae.training`; expected an installed package, received a "
        "bare checkout on sys.path; install it with `pip install .` or `pip install -e .`"
    )
