"""Where the weights are that come with the program: one folder of the installation a variant, and nothing to fetch.

They are read like any other directory, by whoever holds bases and by whoever tells of them.
"""

from importlib.resources import files
from pathlib import Path

from kilnmark.keymaps.files.weights import Weights, WeightsProblem, read_weights
from kilnmark.protocol.picture.family import Variant

__all__ = ["read_shipped", "shipped_folder"]

_MEND = "install kilnmark anew, or give a directory that holds it"


def shipped_folder(variant: Variant) -> Path:
    """The folder of a variant that comes with the program; of a damaged installation it may not be there.

    Args:
        variant: One whose row says so.
    """
    place = files("kilnmark")
    for name in variant.shipped.split("/"):
        place = place / name
    return Path(str(place))


def read_shipped(variant: Variant) -> Weights:
    """The weights of a variant that comes with the program.

    Raises:
        WeightsProblem: They are not there, not whole, or those of another variant.
    """
    folder = shipped_folder(variant)
    try:
        weights = read_weights(folder)
        weights.called(variant.name)
    except (WeightsProblem, OSError) as error:
        problem = str(error).partition(";")[0]
        raise WeightsProblem(f"{variant.name} comes with kilnmark and is not whole here: {problem}; {_MEND}") from error
    return weights
