"""Whether a base that was built has the layers that its family's shapes have: by those its adapters are read.

Where the library that builds it has changed, adapters would fit other layers than are there, and that is said at once.
"""

import re
from collections.abc import Collection, Iterable

from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.keymaps.names.shapes import Shapes, load_shapes

__all__ = ["check_layers"]

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")


def check_layers(origin: Origin, found: Shapes) -> None:
    """Refuse a base of other layers than are known.

    A directory may hold fewer blocks, and narrower ones, than the model that was published: of it every kind of layer
    must be there. All others must be the same to the last number, and so must what comes with the program.

    Args:
        origin: Which base it is.
        found: Its linear layers and norms that adapters can change.

    Raises:
        BaseUnavailable: It has others, or lacks some.
    """
    known = load_shapes(origin.variant.name)
    if origin.weights is None or origin.variant.shipped:
        _compare(origin.name, dict(found).items(), dict(known).items(), (len(found), len(known)))
    else:
        kinds, known_kinds = _kinds(found), _kinds(known)
        _compare(origin.name, kinds, known_kinds, (len(kinds), len(known_kinds)))


def _kinds(paths: Iterable[str]) -> frozenset[str]:
    """Paths without numbers of blocks."""
    return frozenset(_NUMBER.sub("*", path) for path in paths)


def _compare(name: str, found: Collection[object], known: Collection[object], counts: tuple[int, int]) -> None:
    others = [each for each in found if each not in known]
    lacking = [each for each in known if each not in found]
    if others or lacking:
        first = f"lacks {_shown(lacking[0])}" if lacking else f"has {_shown(others[0])} beside them"
        problem = f"{name} has {counts[0]} layers that adapters can change where {counts[1]} are known, and {first}"
        raise BaseUnavailable(f"{problem}; install the mflux that kilnmark names, or give a whole directory")


def _shown(layer: object) -> str:
    if isinstance(layer, tuple):
        path, (out, into) = layer
        return f"{path} of {out} x {into}"
    return str(layer)
