"""A recorded picture made again: the request that is decided to the same, and how what comes out compares.

The daemon is asked through a client that the caller has; nothing is shown here.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from kilnmark.client.replays.differences import Sources, Unlike, base_differences, file_differences, notes
from kilnmark.client.replays.recorded import RecordedPicture
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.spec import asked_again
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.stacks import asked_by_paths

if TYPE_CHECKING:
    from kilnmark.client.request import RenderOptions

__all__ = ["Replay", "compare", "replay", "request_of"]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """How a picture compares to what can be made now.

    Attributes:
        file: The picture.
        differences: What it was made of and is another now; where there is any, nothing was painted.
        notes: What may change numbers in their last digits.
        result: What was painted; None: nothing.
        pixels_moved: Mean absolute difference of the two, of 255; None where nothing was painted, or in another size.
        same: They are the same, pixel for pixel; None where nothing was painted.
    """

    file: str
    differences: list[Unlike]
    notes: list[str] = []
    result: RenderResult | None = None
    pixels_moved: float | None = None
    same: bool | None = None

    @property
    def exit_code(self) -> ExitCode:
        """3 where an adapter is not what it was, 1 where anything else is not, or the pictures differ."""
        if any(each.about == "adapter" for each in self.differences):
            return ExitCode.NOT_ENGAGED
        return ExitCode.FAILED if self.differences or self.same is False else ExitCode.DONE


def compare(picture: RecordedPicture, sources: Sources, client: Client) -> Replay:
    """Hold a picture to the files that there are and to the daemon's base, which is loaded where it is not held."""
    record = picture.record
    differences = file_differences(record, sources)
    try:
        base = client.warm_up(record.base.variant).base
    except InvalidParams as error:
        unknown = Unlike(about="base", name=record.base.variant, reason=error.message)
        return Replay(file=picture.file, differences=[*differences, unknown])
    differences += base_differences(record, base)
    return Replay(file=picture.file, differences=differences, notes=notes(record, base))


def replay(picture: RecordedPicture, sources: Sources, client: Client) -> Replay:
    """The same, and where nothing differs the picture once more, painted anew."""
    compared = compare(picture, sources, client)
    if compared.differences:
        return compared
    counts_as = client.status().counts_as
    prompt, options = request_of(picture.record, sources, counts_as)
    result = client.render(prompt, **options)
    moved = _pixels_moved(Path(picture.file), Path(result.image_path))
    return msgspec.structs.replace(compared, result=result, pixels_moved=moved, same=moved == 0)


def request_of(record: PictureRecord, sources: Sources, counts_as: "dict[str, str]") -> "tuple[str, RenderOptions]":
    """The prompt and the keywords of a request that is decided to what a record says.

    Args:
        counts_as: As the daemon's status has it.
    """
    engaged = all(report.verdict is Verdict.ENGAGED for report in record.loras)
    asked: dict[str, Any] = {
        **asked_again(record.spec, row_of(record.base.variant, counts_as)),
        **asked_by_paths(
            [report.path for report in record.loras],
            [report.scale for report in record.loras],
            [report.asked_blocks for report in record.loras],
        ),
        "init_image": sources.start,
        "reference_images": list(sources.references),
        "on_mismatch": "error" if engaged else "warn",
        "cache": False,
    }
    return str(asked.pop("prompt")), cast("RenderOptions", asked)


def _pixels_moved(one: Path, other: Path) -> float | None:
    import numpy as np
    from PIL import Image

    with Image.open(one) as first, Image.open(other) as second:
        pixels = [np.asarray(each.convert("RGB"), dtype=np.float64) for each in (first, second)]
    if pixels[0].shape != pixels[1].shape:
        return None
    return float(np.abs(pixels[0] - pixels[1]).mean())
