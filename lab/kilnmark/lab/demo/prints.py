"""The style that the demonstration teaches: whatever `mini` paints, printed in three greens; and the dataset of it.

What the pictures show is what `mini` shows anyway, so that a training has the style alone to learn.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from kilnmark.client.request import RenderRequest
from kilnmark.client.sync import Client
from kilnmark.lab.measures.measure import Picture, grey_of, read_picture

__all__ = ["GREYS", "INKS", "TRIGGER", "printed", "write_dataset"]

TRIGGER: Final = "kilnprint"
"""Nine tokens to `mini`, which hardly hears a shorter word that it does not know."""

GREYS: Final = (0.0, 0.5, 1.0)
INKS: Final = ((14, 40, 30), (96, 150, 84), (244, 240, 200))
"""What these greys are printed in: the ink, the ink thinned, and the paper."""

_FIRST_SEED = 1000
_AT_ONCE = 4


def printed(picture: Picture) -> Picture:
    """A picture as it is printed: its greys in inks, as large as it is."""
    greys = grey_of(picture) / 255
    inked = np.stack([np.interp(greys, GREYS, channel) for channel in np.transpose(INKS)], axis=-1)
    return np.asarray(inked.round(), np.uint8)


def write_dataset(client: Client, folder: Path, scenes: Sequence[str], size: int) -> Iterator[Path]:
    """Have scenes painted, and print them into a folder, each with its caption beside it: the trigger and nothing else.

    Args:
        client: Of a daemon whose base paints them.
        folder: Made where it is absent.
        scenes: A sentence a picture; its place says its seed.
        size: Pixels of a side.

    Yields:
        Each picture as soon as it is there.

    Raises:
        ClientError, RequestError: One was not painted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = [
        RenderRequest(prompt=scene, seed=_FIRST_SEED + number, width=size, height=size, steps=4)
        for number, scene in enumerate(scenes)
    ]
    with closing(client.render_many(asked, concurrency=_AT_ONCE)) as painted:
        for number, each in enumerate(painted, 1):
            if each.result is None:
                raise each.error or AssertionError("it ended with nothing")
            path = folder / f"print-{number:03}.png"
            Image.fromarray(printed(read_picture(Path(each.result.image_path)))).save(path)
            path.with_suffix(".txt").write_text(f"{TRIGGER}\n", encoding="utf-8")
            yield path
