"""What a command line says that is refused."""


def one_line(errors):
    """The one line of what was written to standard error."""
    lines = errors.splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("tfvae: ") and "Traceback" not in lines[0]
    return lines[0]
