"""A Pinhole that waits where a test holds it: its row for the catalog."""

from msgspec.structs import replace

from tests.acceptance.installed.pinhole import FAMILY as PINHOLE

__all__ = ["FAMILY"]

FAMILY = replace(
    PINHOLE,
    name="shutter",
    title="Shutter",
    engine="shutter.engine",
    variants=(replace(PINHOLE.variants[0], name="shutter", family="shutter", has=()),),
    parts=(),
    data="tests.acceptance.installed.pinhole",
)
