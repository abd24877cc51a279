"""The public ops: `graphnn.ops`, with the names, arguments and results of `keras.ops`.

Every op works on arrays (and gives a `Tensor`), on symbolic tensors (and becomes a node of the model), and inside a layer's `call`.
"""

# An index, one topic per line.
# ruff: noqa: I001, RUF022
# fmt: off
from __future__ import annotations

from . import image
from .activations import (
    celu, elu, gelu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu, log_sigmoid, relu,
    relu6, selu, sigmoid, silu, soft_shrink, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, swish,
    tanh_shrink, threshold,
)
from .arithmetic import (
    add, divide, divide_no_nan, floor_divide, fmax, fmin, fmod, gcd, heaviside, hypot, lcm, ldexp, maximum, minimum,
    mod, multiply, power, subtract, true_divide,
)
from .attention import dot_product_attention
from .bitwise import (
    bitwise_and, bitwise_invert, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor,
    left_shift, right_shift,
)
from .choices import cond, switch
from .classes import bincount, multi_hot, one_hot, segment_max, segment_min, segment_prod, segment_sum
from .contraction import cross, dot, inner, kron, matmul, outer, tensordot, vdot
from .convolution import conv, conv_transpose, depthwise_conv, separable_conv
from .core import (
    array, cast, convert_to_numpy, convert_to_tensor, dtype, is_tensor, ndim, saturate_cast, shape, size,
    stop_gradient,
)
from .creation import (
    arange, empty, empty_like, full, full_like, geomspace, linspace, logspace, ones, ones_like, zeros, zeros_like,
)
from .ctc import ctc_decode, ctc_loss
from .cumulative import cumprod, cumsum, diff, trapezoid
from .diagonals import diag, diagflat, diagonal, eye, identity, trace, tri, tril, triu, vander
from .einstein import einsum
from .elementwise import (
    abs, absolute, angle, cbrt, ceil, clip, conj, conjugate, copy, fabs, floor, imag, nan_to_num, negative, real,
    reciprocal, round, rsqrt, sign, sqrt, square, trunc,
)
from .exponential import erf, erfc, erfinv, exp, exp2, expm1, i0, log, log10, log1p, log2, logaddexp, logaddexp2, sinc
from .host import nonzero, unique
from .indexing import get_item, scatter, scatter_update, slice, slice_update, take, take_along_axis, unravel_index
from .joining import (
    append, array_split, concatenate, dsplit, dstack, hsplit, hstack, meshgrid, split, stack, unstack, vsplit,
    vstack,
)
from .linalg import cdist, corrcoef, correlate, norm, psnr
from .logic import (
    allclose, equal, greater, greater_equal, isclose, isfinite, isin, isinf, isnan, isneginf, isposinf, isreal, less,
    less_equal, logical_and, logical_not, logical_or, logical_xor, not_equal, select, signbit, where,
)
from .loops import fori_loop, map, scan, vectorized_map, while_loop
from .losses import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from .named_axes import rearrange
from .nan_reductions import (
    nanargmax, nanargmin, nancumprod, nancumsum, nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar,
)
from .normalization import batch_normalization, layer_normalization, normalize, rms_normalization
from .padding import depth_to_space, extract_sequences, pad, space_to_depth
from .pooling import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from .prefixes import associative_scan
from .quantiles import histogram, median, nanmedian, nanpercentile, nanquantile, percentile, quantile
from .reductions import (
    all, amax, amin, any, average, count_nonzero, logsumexp, max, mean, min, moments, prod, ptp, std, sum, var,
)
from .shaping import broadcast_to, expand_dims, moveaxis, ravel, repeat, reshape, squeeze, swapaxes, tile, transpose
from .softmaxes import glu, log_softmax, softmax, sparsemax
from .sorting import argmax, argmin, argpartition, argsort, digitize, in_top_k, searchsorted, sort, top_k
from .trigonometry import (
    arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cos, cosh, deg2rad, rad2deg, sin, sinh, tan, tanh,
)
from .turning import flip, fliplr, flipud, roll, rot90
from .windows import bartlett, blackman, hamming, hanning, kaiser
# fmt: on

__all__ = [
    "abs", "absolute", "adaptive_average_pool", "adaptive_max_pool", "add", "all", "allclose", "amax", "amin", "angle",
    "any", "append", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax",
    "argmin", "argpartition", "argsort", "array", "array_split", "associative_scan", "average", "average_pool",
    "bartlett", "batch_normalization", "binary_crossentropy", "bincount", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman", "broadcast_to",
    "cast", "categorical_crossentropy", "cbrt", "cdist", "ceil", "celu", "clip", "concatenate", "cond", "conj",
    "conjugate", "conv", "conv_transpose", "convert_to_numpy", "convert_to_tensor", "copy", "corrcoef", "correlate",
    "cos", "cosh", "count_nonzero", "cross", "ctc_decode", "ctc_loss", "cumprod", "cumsum", "deg2rad", "depth_to_space",
    "depthwise_conv", "diag", "diagflat", "diagonal", "diff", "digitize", "divide", "divide_no_nan", "dot",
    "dot_product_attention", "dsplit", "dstack", "dtype", "einsum", "elu", "empty", "empty_like", "equal", "erf",
    "erfc", "erfinv", "exp", "exp2", "expand_dims", "expm1", "extract_sequences", "eye", "fabs", "flip", "fliplr",
    "flipud", "floor", "floor_divide", "fmax", "fmin", "fmod", "fori_loop", "full", "full_like", "gcd", "gelu",
    "geomspace", "get_item", "glu", "greater", "greater_equal", "hamming", "hanning", "hard_shrink", "hard_sigmoid",
    "hard_silu", "hard_swish", "hard_tanh", "heaviside", "histogram", "hsplit", "hstack", "hypot", "i0", "identity",
    "imag", "image", "in_top_k", "inner", "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf",
    "isposinf", "isreal", "kaiser", "kron", "layer_normalization", "lcm", "ldexp", "leaky_relu", "left_shift", "less",
    "less_equal", "linspace", "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logspace", "logsumexp", "map", "matmul", "max",
    "max_pool", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mod", "moments", "moveaxis", "multi_hot",
    "multiply", "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian",
    "nanmin", "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "ndim", "negative", "nonzero",
    "norm", "normalize", "not_equal", "one_hot", "ones", "ones_like", "outer", "pad", "percentile", "power", "prod",
    "psnr", "ptp", "quantile", "rad2deg", "ravel", "real", "rearrange", "reciprocal", "relu", "relu6", "repeat",
    "reshape", "right_shift", "rms_normalization", "roll", "rot90", "round", "rsqrt", "saturate_cast", "scan",
    "scatter", "scatter_update", "searchsorted", "segment_max", "segment_min", "segment_prod", "segment_sum", "select",
    "selu", "separable_conv", "shape", "sigmoid", "sign", "signbit", "silu", "sin", "sinc", "sinh", "size", "slice",
    "slice_update", "soft_shrink", "softmax", "softplus", "softsign", "sort", "space_to_depth",
    "sparse_categorical_crossentropy", "sparse_plus", "sparse_sigmoid", "sparsemax", "split", "sqrt", "square",
    "squareplus", "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "swapaxes", "swish", "switch", "take",
    "take_along_axis", "tan", "tanh", "tanh_shrink", "tensordot", "threshold", "tile", "top_k", "trace", "transpose",
    "trapezoid", "tri", "tril", "triu", "true_divide", "trunc", "unique", "unravel_index", "unstack", "vander", "var",
    "vdot", "vectorized_map", "vsplit", "vstack", "where", "while_loop", "zeros", "zeros_like",
]  # fmt: skip
