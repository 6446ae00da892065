"""The export room: SavedModel, TFLite and the on-device runtime. Installed as `tfvae.export`."""

if not __name__.startswith("tfvae."):
    raise ImportError(
        "`export` is part of tfvae and is imported as `tfvae.export`; expected an installed package, received a "
        "bare checkout on sys.path; install it with `pip install .` or `pip install -e .`"
    )
