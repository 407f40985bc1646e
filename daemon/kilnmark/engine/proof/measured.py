"""An adapter with the norms of what it changes on one base: what comparing adapters begins with."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter

__all__ = ["Measured", "Numbers", "Places"]

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


class Measured(NamedTuple):
    """An adapter at scale 1.

    Attributes:
        adapter: Itself.
        places: Of the layers of its updates, in the order of all layers.
        norms: Of what each of them changes.
    """

    adapter: Adapter
    places: Places
    norms: Numbers
