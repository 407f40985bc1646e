"""Many pictures, such as those that were trained on, and which of them another picture is nearest to.

Each is held as a small one, so that ten thousand take a hundred megabytes. Whether nearness means that something was
learnt by heart is for others to say.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture, fitted
from kilnmark.lab.measures.perceptual import Sighted, apart, seen

__all__ = ["Gallery", "NearestPicture"]

_SIDE, _COARSE = 64, 8
_LOOKED_AT = 12
"""How many of the coarsely nearest are looked at closely."""


class NearestPicture(msgspec.Struct, frozen=True):
    """The picture of a gallery that another is nearest to.

    Attributes:
        name: Which.
        distance: To it, as `perceptual.distance` has it, of both at 64 pixels.
        mirrored: It is as near only when it is seen in a mirror.
    """

    name: str
    distance: float
    mirrored: bool = False


class Gallery:
    """A gallery.

    Args:
        pictures: Each with its name, read one after the other.
    """

    def __init__(self, pictures: Iterable[tuple[str, Picture]]) -> None:
        self._names: list[str] = []
        self._small: list[Picture] = []
        self._seen: dict[int, Sighted] = {}
        coarse = []
        for name, picture in pictures:
            self._names.append(name)
            self._small.append(fitted(picture, _SIDE))
            coarse.append(_coarse(self._small[-1]))
        self._coarse = np.stack(coarse) if coarse else np.zeros((0, 3 * _COARSE**2))

    def __len__(self) -> int:
        return len(self._names)

    def nearest(self, picture: Picture, but: Sequence[str] = ()) -> NearestPicture | None:
        """The one that a picture is nearest to, mirrored or not; None: the gallery is empty.

        Args:
            picture: Of any size.
            but: Names that do not count.
        """
        small = fitted(picture, _SIDE)
        ways = [self._nearest(small, but), self._nearest(np.ascontiguousarray(small[:, ::-1]), but, mirrored=True)]
        return min((way for way in ways if way is not None), key=lambda way: way.distance, default=None)

    def spacing(self, most: int = 40) -> list[float]:
        """The distances of so many of its pictures, spread over it, to the nearest other one; in ascending order.

        A picture that is much nearer to one of them than they are to each other was not come upon by chance.
        """
        every = max(1, -(-len(self) // most))
        chosen = range(0, len(self), every)
        found = [self._nearest(self._small[place], (self._names[place],)) for place in chosen]
        return sorted(each.distance for each in found if each is not None)

    def _nearest(self, small: Picture, but: Sequence[str], *, mirrored: bool = False) -> NearestPicture | None:
        far = ((self._coarse - _coarse(small)) ** 2).sum(axis=1)
        places = [int(place) for place in np.argsort(far, kind="stable") if self._names[place] not in but]
        own = seen(small)
        found = [
            NearestPicture(self._names[place], apart(own, self._look(place)), mirrored) for place in places[:_LOOKED_AT]
        ]
        return min(found, key=lambda each: each.distance, default=None)

    def _look(self, place: int) -> Sighted:
        """Kept once it was looked at: few of many ever are."""
        if place not in self._seen:
            self._seen[place] = seen(self._small[place])
        return self._seen[place]


def _coarse(small: Picture) -> npt.NDArray[np.float64]:
    return np.asarray(fitted(small, _COARSE), np.float64).ravel()
