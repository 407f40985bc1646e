"""Directions of a layer's side, however large it is and however a matrix lies in memory."""

import numpy as np
import pytest

from kilnmark.keymaps.updates.directions import Directions, low_rank_views

WIDTH, TIMES, COUNT = 12, 3, 4
rng = np.random.default_rng(3)


def signs(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return rng.choice(np.array([-1, 1], dtype=np.float32), shape)


def directions(size: int) -> Directions:
    return Directions(signs(size), signs(WIDTH, TIMES, COUNT))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [1, 7, WIDTH, 2 * WIDTH, 2 * WIDTH + 5, 5 * WIDTH])
def test_a_matrix_along_them_is_its_product_with_all(size: int, order: str) -> None:
    one = directions(size)
    matrix = np.asarray(rng.standard_normal((5, size)), dtype=np.float32, order="F" if order == "F" else "C")
    expected = matrix.astype(float) @ one.all().astype(float)
    assert one.along(matrix).reshape(5, -1) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("size", [7, 2 * WIDTH + 5])
def test_each_of_several_goes_along_its_own(size: int) -> None:
    one, matrices = directions(size), rng.standard_normal((TIMES, 5, size)).astype(np.float32)
    own = one.all().reshape(size, TIMES, COUNT)
    expected = np.einsum("tns,stc->tnc", matrices, own)
    assert one.each_along(matrices) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_product_of_low_rank_is_seen_as_what_it_comes_to() -> None:
    rows, columns = directions(30), directions(17)
    up, down = rng.standard_normal((30, 2)).astype(np.float32), rng.standard_normal((2, 17)).astype(np.float32)
    whole = up.astype(float) @ down
    left, right = (each.all().reshape(-1, TIMES, COUNT) for each in (rows, columns))
    expected = np.einsum("otk,oi,itl->tkl", left, whole, right)
    assert low_rank_views(rows.along(up.T), columns.along(down)) == pytest.approx(expected, rel=1e-4, abs=1e-3)
