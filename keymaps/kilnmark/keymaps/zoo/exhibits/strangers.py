"""Files for models that are not here, and of kinds that are not applied."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.strangers import load_strangers, tensors_of_stranger
from kilnmark.protocol.picture.report import Verdict

__all__ = ["STRANGERS"]

STRANGERS = tuple(
    Exhibit(
        name,
        (),
        stranger.tried_on,
        verdict=Verdict(stranger.verdict),
        flaw=tensors_of_stranger(name),
        tried=stranger.what,
    )
    for name, stranger in load_strangers().items()
)
