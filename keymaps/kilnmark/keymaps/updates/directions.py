"""Changes seen from a few random directions on either side: how two compare there tells how they do on the whole.

Only what is done with directions stands here; which ones a layer has is the engine's business.
"""

from typing import NamedTuple

import numpy as np

from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["Directions", "Views", "low_rank_views"]

Views = Matrix
"""`(repeats, k, k)` float32: P' D Q of a change D, for k directions on either side, so many times over."""


class Directions(NamedTuple):
    """Those of one side of a layer, which has `size` rows or columns: row i of all is `flips[i] * signs[i % width]`.

    A matrix is folded to that width before it is multiplied: that is most of the work saved.

    Attributes:
        flips: `(size,)` of +1 and -1.
        signs: `(width, repeats, k)`: of one size, plus and minus.
    """

    flips: Matrix
    signs: Matrix

    def all(self) -> Matrix:
        """`(size, repeats * k)`."""
        _, repeats, count = self.signs.shape
        whole = np.resize(self.signs, (len(self.flips), repeats * count))
        return whole * self.flips[:, None]

    def along(self, matrix: Matrix) -> Matrix:
        """`(n, size)` times all: `(n, repeats, k)`."""
        width, repeats, count = self.signs.shape
        found = self.folded(matrix) @ self.signs.reshape(width, -1)[: len(self.flips)]
        return found.reshape(-1, repeats, count)

    def each_along(self, matrix: Matrix) -> Views:
        """`(repeats, n, size)`, each times its own directions: `(repeats, n, k)`."""
        folded = self.folded(matrix.reshape(-1, matrix.shape[2])).reshape(*matrix.shape[:2], -1)
        return np.asarray(folded @ self.signs[: len(self.flips)].swapaxes(0, 1))

    def folded(self, matrix: Matrix) -> Matrix:
        """`(n, size)` to `(n, width)`, or less: columns that have the same signs, put together."""
        size, width = len(self.flips), len(self.signs)
        if size <= width:
            return np.asarray(matrix * self.flips)
        whole = size // width * width
        flips = self.flips[:whole].reshape(-1, width)
        if matrix.flags.f_contiguous:
            found = np.einsum("pwn,pw->wn", matrix.T[:whole].reshape(-1, width, len(matrix)), flips).T
        else:
            found = np.einsum("npw,pw->nw", matrix[:, :whole].reshape(len(matrix), -1, width), flips)
        found[:, : size - whole] += matrix[:, whole:] * self.flips[whole:]
        return np.asarray(found)


def low_rank_views(rows: Matrix, columns: Matrix) -> Views:
    """Of a product of low rank, from what its factors are along the directions: `(rank, repeats, k)` each."""
    return np.asarray(rows.transpose(1, 2, 0) @ columns.transpose(1, 0, 2))
