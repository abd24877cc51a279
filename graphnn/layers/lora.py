"""Low-rank adaptation, shared by Dense, EinsumDense and Embedding.

Exports nothing of its own: `LoraMixin` gives a layer `enable_lora`.
"""

from __future__ import annotations

from typing import Any

from .. import initializers, ops
from ..variable import Variable
from .common import ConfiguredLayer, Identifier

__all__: list[str] = []


class LoraMixin(ConfiguredLayer):
    r"""Freezes the main weight $W$ and trains a product of rank $r$ beside it: $W + \frac{\alpha}{r} A B$.

    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685).
    """

    lora_weight = "kernel"  # the main weight's name
    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def set_lora(self, rank: int | None, alpha: float | None) -> None:
        """Notes the constructor's arguments."""
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha
        self.lora_enabled = False

    def finish_lora(self) -> None:
        """To be called at the end of `build`."""
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Identifier = "he_uniform",
        b_initializer: Identifier = "zeros",
    ) -> None:
        """Freezes the layer's main weight and adds two trainable factors of rank `rank` to it."""
        what, name = type(self).__name__, self.lora_weight
        if getattr(self, f"{name}_constraint"):
            raise ValueError(f"{what} {self.name!r}: lora cannot go with `{name}_constraint`")
        if not self.built:
            raise ValueError(f"{what} {self.name!r}: lora needs a layer that is built")
        if self.lora_enabled:
            raise ValueError(f"{what} {self.name!r}: lora is enabled already, and can be only once")
        weight: Variable = getattr(self, name)
        *front, last = weight.shape
        options: dict[str, Any] = {
            "regularizer": getattr(self, f"{name}_regularizer"),
            "dtype": "float64" if weight.dtype == "float64" else "float32",  # small updates would vanish in less
        }
        a, b = initializers.get(a_initializer), initializers.get(b_initializer)
        setattr(self, f"lora_{name}_a", self.add_weight((*front, rank), a, name=f"lora_{name}_a", **options))
        setattr(self, f"lora_{name}_b", self.add_weight((rank, last), b, name=f"lora_{name}_b", **options))
        weight.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def adapted(self, weight: Any) -> Any:
        """The weight as the forward pass uses it."""
        if not self.lora_enabled:
            return weight
        assert self.lora_rank is not None and self.lora_alpha is not None
        a, b = (getattr(self, f"lora_{self.lora_weight}_{factor}") for factor in "ab")
        delta = ops.multiply(ops.matmul(a, b), self.lora_alpha / self.lora_rank)
        return ops.cast(ops.add(weight, delta), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config if self.lora_rank else {k: v for k, v in config.items() if k not in ("lora_rank", "lora_alpha")}
