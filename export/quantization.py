"""Formats of the weights in a TFLite file."""

from __future__ import annotations

from tfvae.checks import UserError, one_of

QUANTIZATIONS = ("none", "float16", "dynamic")
# Measured on the decoder alone, latents in and images out, calibrated on latents of q and of the prior. digits, 297
# test images: pixels off by 0.034 at most, 1.0 % of images of probability 0. tutorial-400-20 on MNIST, 2,000 images:
# 0.052 at most, and 3.6 % of probability 0.
NO_INT8 = (
    "int8 is not offered: even a decoder alone rounds pixels to 1/256, moves them by up to 0.05 and gives 3.6 % of "
    "MNIST digits probability 0; choose dynamic, 8-bit weights within 0.1 nats"
)


def check_quantization(value: str | None) -> str:
    """Returns the name of a quantization, "none" for None.

    Raises:
        UserError: if there is no such quantization. For "int8" the message says why.

    Example:
        >>> check_quantization(None)
        'none'
    """
    if value == "int8":
        raise UserError(
            "unknown quantization",
            expected=f"one of {', '.join(QUANTIZATIONS)}",
            received=repr(value),
            fix=NO_INT8,
        )
    return one_of("quantization", value or "none", QUANTIZATIONS)
