"""The settings of a run that say which devices compute it, and how."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.training.settings import setting


@dataclass(frozen=True)
class HardwareSettings:
    """Devices, precision and compilation."""

    strategy: str = setting(
        "How to share each batch: mirrored over the devices of one machine, multiworker over processes or machines.",
        "hardware",
        default="auto",
        choices=("auto", "none", "mirrored", "multiworker"),
    )
    replicas: int = setting(
        "Devices to share a batch; a CPU is split into as many logical ones. 0 takes the devices that there are.",
        "hardware",
        default=0,
        ends=(0, 128),
    )
    mixed_precision: str = setting(
        "Precision in which layers compute; log-densities stay float32. float16, which stands for the flag without a "
        "value, scales the loss and is for GPUs; bfloat16 is the faster one on CPUs with AVX512_BF16 or AMX; none is "
        "float32.",
        "hardware",
        default="none",
        choices=("none", "float16", "bfloat16"),
        bare="float16",
        title="Precision",
        quiet="none",
    )
    jit: str = setting(
        "Whether XLA compiles the step, on one device: `on`, which stands for the flag without a value, compiles all "
        "but the random numbers, off nothing, and auto the step on one CPU where the preset gains by it, otherwise "
        "the large log-densities.",
        "hardware",
        default="auto",
        choices=("auto", "on", "off"),
        bare="on",
    )
