"""The room that a broker's store has on its disk: how much it may take, when that is too little, and when enough again.

A broker whose disk is full answers some writes no more, not even once there is room. One that is started without any
room to give refuses each with a word, and goes on with all that needs none; so it is started again either way.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["StoreRoom", "bytes_of", "store_room"]

_KEPT, _SHARE = 256 << 20, 20
"""Bytes that stay free on a disk, or so large a part of one that is small."""


@dataclass(frozen=True)
class StoreRoom:
    """How much there is.

    Attributes:
        free: Bytes that can be written.
        kept: Bytes that are to stay free.
    """

    free: int
    kept: int

    @property
    def is_out(self) -> bool:
        """Whether the broker is to take nothing more."""
        return self.free < self.kept

    @property
    def is_back(self) -> bool:
        """Whether one that takes nothing is to take more."""
        return self.free >= 2 * self.kept

    def limit(self, used: int) -> int:
        """Bytes that the store may come to by itself between two looks.

        Args:
            used: Those that it has.
        """
        return max(1, used + self.free - self.kept // 2)


def store_room(store: Path) -> StoreRoom:
    """What there is now. Raises OSError where the folder is gone."""
    disk = shutil.disk_usage(store)
    return StoreRoom(disk.free, min(_KEPT, disk.total // _SHARE))


def bytes_of(store: Path) -> int:
    """Bytes of all files in a store."""
    found = 0
    for folder, _, names in os.walk(store):
        for name in names:
            try:
                found += Path(folder, name).stat().st_size
            except OSError:  # the broker took it away meanwhile
                continue
    return found
