"""What the heads share that stand for one class of distributions each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tfvae.distributions.head import tfd
from tfvae.distributions.tfp_head import TFPHead


class ReadyHead(TFPHead):
    """A `TFPHead` of a class that is known by the name of the head.

    Args:
        event_shape: shape of one example.
        shared: names of parameters that do not depend on the features: one trainable number for each entry of an
            example. None for those of the class.
        kernel_initializer: initialiser of the linear layers.

    Attributes:
        FAMILY: class of the distributions.
        SHARED: names of the parameters that are shared unless `shared` says otherwise.
    """

    FAMILY: ClassVar[type[tfd.Distribution]]
    SHARED: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        event_shape: int | Sequence[int],
        shared: Sequence[str] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        shared = self.SHARED if shared is None else shared
        super().__init__(
            self.FAMILY, event_shape, shared=shared, kernel_initializer=kernel_initializer, **kwargs
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"shared": self.shared}
