"""From a base's name and place to what it is, and to the function that loads it, before anything of it is loaded."""

from importlib import import_module
from pathlib import Path

from kilnmark.engine.families.family import BaseUnavailable, Load, Origin
from kilnmark.keymaps.files.shipped import read_shipped
from kilnmark.keymaps.files.weights import WeightsProblem, read_weights
from kilnmark.protocol.picture.catalog import VARIANTS, family_of

__all__ = ["find_origin", "loader_of"]


def find_origin(name: str, place: str) -> Origin:
    """What a base is.

    Args:
        name: What it is asked for by.
        place: A name of `catalog.VARIANTS`, or a directory. Headers are read of that, and of what is shipped.

    Raises:
        BaseUnavailable: The directory is no whole base of a known family, or not what its name says.
    """
    try:
        if place in VARIANTS:
            return Origin(name, VARIANTS[place], read_shipped(VARIANTS[place]) if VARIANTS[place].shipped else None)
        weights = read_weights(Path(place))
        return Origin(name, weights.called(name), weights)
    except WeightsProblem as error:
        raise BaseUnavailable(str(error)) from error


def loader_of(origin: Origin) -> Load:
    """The function `load` of its family's module.

    Raises:
        BaseUnavailable: There is no such module, or it has none.
    """
    family = family_of(origin.variant)
    try:
        load: Load = import_module(family.engine).load
    except Exception as error:  # whatever somebody else's module raises
        message = f"{family.engine}, which loads {family.title}, cannot be used: {error}; mend or install it"
        raise BaseUnavailable(message) from error
    return load
