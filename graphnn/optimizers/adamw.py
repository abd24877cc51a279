"""AdamW: Adam with weight decay."""

from __future__ import annotations

from typing import Any

from .adam import Adam


class AdamW(Adam):
    r"""`Adam` whose weights decay by themselves, not through the gradient (I. Loshchilov, F. Hutter, Decoupled weight decay
    regularization, 2019): before each step $w \leftarrow w - \eta \lambda w$.

    Args:
        learning_rate, beta_1, beta_2, epsilon, amsgrad: see `Adam`; all other arguments: see `Optimizer`.
        weight_decay: the share $\lambda$.

    Raises:
        ValueError: weight_decay is None.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> AdamW(0.1, weight_decay=0.5).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.85
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if weight_decay is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
