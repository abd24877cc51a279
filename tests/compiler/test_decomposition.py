"""Singular values and vectors: against NumPy, and the matrix rebuilt from them."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.decomposition import SingularValues, Svd
from graphnn_compiler.trace import emit, trace


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 6, 3), (1, 7), (0, 2, 2)])
def test_rebuilds_the_matrix(shape: tuple[int, ...], eager: bool) -> None:
    a = np.random.default_rng(0).standard_normal(shape)
    m, n = shape[-2:]
    graph = trace(lambda v: [emit(Svd(), v), emit(SingularValues(), v)], [(shape, "float64")])
    packed, values = Executable(graph, eager=eager)([a])
    s, u, v = packed[..., 0], packed[..., 1 : 1 + m], packed[..., 1 + m :]
    np.testing.assert_allclose(np.swapaxes(u, -1, -2) @ (s[..., None] * v), a, atol=1e-12)
    np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), atol=1e-12)
    np.testing.assert_array_equal(values, s)
    np.testing.assert_allclose(
        v @ np.swapaxes(v, -1, -2), np.broadcast_to(np.eye(min(m, n)), (*shape[:-2], *[min(m, n)] * 2)), atol=1e-12
    )


@pytest.mark.parametrize("eager", [True, False])
def test_matrices_without_full_rank(eager: bool) -> None:
    cases = [np.zeros((3, 2)), np.ones((3, 3)), np.diag([2.0, 2.0, 2.0]), np.outer([1.0, 2.0], [3.0, 4.0, 5.0])]
    for a in cases:
        graph = trace(lambda v: [emit(SingularValues(), v)], [(a.shape, "float64")])
        (s,) = Executable(graph, eager=eager)([a])
        np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), atol=1e-12)
    (s,) = Executable(trace(lambda v: [emit(SingularValues(), v)], [((2, 2), "float64")]), eager=eager)([np.full((2, 2), np.nan)])
    assert np.isnan(s).all()
