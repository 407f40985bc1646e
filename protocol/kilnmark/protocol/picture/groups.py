"""Which group of layers a layer is of, by what the row of its family says; no model is known here."""

from fnmatch import fnmatchcase

from kilnmark.protocol.picture.family import Family, Variant

__all__ = ["group_title"]


def group_title(target: str, variant: Variant, family: Family) -> str:
    """The title of a layer's group: that of its text encoder, or of the first group whose patterns it fits.

    Args:
        target: The layer's module path, below the whole model where it is of a text encoder.
        variant: The base, for its encoders.
        family: Its row, for the groups.

    Returns:
        Empty for a layer of no group.
    """
    root = target.partition(".")[0]
    for encoder in variant.encoders:
        if root == encoder.attribute:
            return encoder.title
    for group in family.groups:
        if any(fnmatchcase(target, pattern) for pattern in group.patterns):
            return group.title
    return ""
