"""What an adapter file would change, told from its header alone, in milliseconds however large the file is.

No tensor is read and nothing is hashed here, so nothing is said of norms, and a file with an outline may be refused
when it is read whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import AdapterHeader, read_header
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import sort_keys

__all__ = ["Outline", "outline_of", "read_outline"]


@dataclass(frozen=True, slots=True)
class Outline:
    """The counts of one adapter file; fields of the same name mean what they mean in `Adapter`.

    Attributes:
        refused_keys: Names of the tensors of updates that cannot be applied, each with what people call such updates.
        target_count: Layers of the model that the file names.
        copied_target_count: Those that it names more than once; whether all copies are the same, only the numbers tell.
    """

    path: str
    size: int
    convention: str
    convention_version: int
    share: float
    total_key_count: int
    matched_key_count: int
    ignored_keys: Mapping[str, int]
    refused_keys: Mapping[str, str]
    unmatched_keys: tuple[str, ...]
    target_count: int
    copied_target_count: int = 0


def read_outline(path: AnyPath, shapes: Shapes) -> Outline:
    """Read the outline of an adapter file for a model.

    Args:
        path: Absolute, or relative to the current directory.
        shapes: The model's linear layers.

    Raises:
        RefusedFile: Not a safe file, or a layer is named twice.
    """
    return outline_of(read_header(path), shapes)


def outline_of(header: AdapterHeader, shapes: Shapes) -> Outline:
    """As `read_outline`, from a header that was read already.

    Raises:
        UnfitAdapter: The same layer is named twice.
    """
    sorting = sort_keys(header.path, tuple(header.tensors), shapes)
    best = sorting.recognition
    return Outline(
        header.path,
        header.size,
        convention=best.convention.name if best else "",
        convention_version=best.convention.version if best else 0,
        share=best.share if best else 0.0,
        total_key_count=len(header.tensors),
        matched_key_count=sum(len(module.keys) for module in sorting.modules),
        ignored_keys=MappingProxyType(dict(sorting.ignored)),
        refused_keys=MappingProxyType(dict(sorting.refused)),
        unmatched_keys=sorting.unmatched,
        target_count=sum(len(module.targets) for module in sorting.modules),
        copied_target_count=len({target for copy in sorting.copies for target in copy.module.targets}),
    )
