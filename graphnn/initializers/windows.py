"""Named window functions of signal processing, symmetric or periodic.

The definitions are those of F. J. Harris, On the use of windows for harmonic analysis with the discrete Fourier transform, 1978,
and A. H. Nuttall, Some windows with very good sidelobe behavior, 1981.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_COSINE_SUMS: dict[str, tuple[float, ...]] = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def _cosine_sum(coefficients: tuple[float, ...], n: int) -> Vector:
    angle = np.linspace(-math.pi, math.pi, n)
    return np.sum([a * np.cos(k * angle) for k, a in enumerate(coefficients)], axis=0)


def _triang(n: int) -> Vector:
    k = np.arange(1, (n + 1) // 2 + 1)
    half = (2 * k - 1.0) / n if n % 2 == 0 else 2 * k / (n + 1.0)
    return np.concatenate([half, half[::-1] if n % 2 == 0 else half[-2::-1]])


def _parzen(n: int) -> Vector:
    x = np.abs(np.arange(n) - (n - 1) / 2) / (n / 2)
    return np.where(x <= 0.5, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)


def _bohman(n: int) -> Vector:
    x = np.abs(np.linspace(-1, 1, n))
    w = (1 - x) * np.cos(math.pi * x) + np.sin(math.pi * x) / math.pi
    w[[0, -1]] = 0
    return w


def _barthann(n: int) -> Vector:
    x = np.abs(np.arange(n) / (n - 1.0) - 0.5)
    return 0.62 - 0.48 * x + 0.38 * np.cos(2 * math.pi * x)


def _tukey(n: int) -> Vector:
    alpha, i = 0.5, np.arange(n)
    edge = np.minimum(i, n - 1 - i)
    return np.where(edge <= alpha * (n - 1) // 2, 0.5 * (1 - np.cos(2 * math.pi * edge / (alpha * (n - 1)))), 1.0)


def _taylor(n: int) -> Vector:
    bars, level = 4, 30.0
    b = 10 ** (level / 20)
    a = math.acosh(b) / math.pi
    s2 = bars**2 / (a**2 + (bars - 0.5) ** 2)
    k = np.arange(1, bars)
    terms = np.empty(bars - 1)
    for i, m in enumerate(k):
        top = (-1) ** i * np.prod(1 - m**2 / s2 / (a**2 + (k - 0.5) ** 2))
        bottom = 2 * np.prod(1 - m**2 / k[:i] ** 2) * np.prod(1 - m**2 / k[i + 1 :] ** 2)
        terms[i] = top / bottom

    def weights(x: Vector) -> Vector:
        return 1 + 2 * np.cos(2 * math.pi * k[:, None] * (x - n / 2 + 0.5) / n).T @ terms

    return weights(np.arange(n, dtype="float64")) / weights(np.asarray([(n - 1) / 2]))[0]


_OTHERS: dict[str, Callable[[int], Vector]] = {
    "triang": _triang,
    "parzen": _parzen,
    "bohman": _bohman,
    "bartlett": lambda n: 1 - np.abs(2 * np.arange(n) / (n - 1.0) - 1),
    "barthann": _barthann,
    "cosine": lambda n: np.sin(math.pi / n * (np.arange(n) + 0.5)),
    "exponential": lambda n: np.exp(-np.abs(np.arange(n) - (n - 1) / 2)),
    "tukey": _tukey,
    "taylor": _taylor,
    "lanczos": lambda n: np.sinc(2 * np.arange(n) / (n - 1.0) - 1),
}
_ALIASES = {
    "han": "hann", "ham": "hamming", "hamm": "hamming", "black": "blackman", "blk": "blackman",
    "box": "boxcar", "ones": "boxcar", "rect": "boxcar", "rectangular": "boxcar", "tri": "triang", "triangle": "triang",
    "bart": "bartlett", "brt": "bartlett", "bman": "bohman", "bmn": "bohman", "parz": "parzen", "par": "parzen",
    "flat": "flattop", "flt": "flattop", "nut": "nuttall", "blackharr": "blackmanharris",
    "bkh": "blackmanharris", "halfcosine": "cosine", "poisson": "exponential", "tuk": "tukey", "taylorwin": "taylor",
    "sinc": "lanczos", "brthan": "barthann", "bth": "barthann",
}  # fmt: skip


def window(name: str, n: int, periodic: bool = True) -> Vector:
    """The n weights of a window; a periodic one is a symmetric one of n + 1 weights without the last.

    >>> window("hann", 4, periodic=True).round(3).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    key = _ALIASES.get(name, name)
    if key not in _COSINE_SUMS and key not in _OTHERS:
        raise ValueError(f"Unknown window {name!r}; known: {', '.join(sorted({*_COSINE_SUMS, *_OTHERS}))}")
    if n <= 1:
        return np.ones(n)
    length = n + 1 if periodic else n
    full = _cosine_sum(_COSINE_SUMS[key], length) if key in _COSINE_SUMS else _OTHERS[key](length)
    return full[:n]
