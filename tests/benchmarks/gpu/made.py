"""FLUX.1-dev with random numbers for weights, as a row of the catalog, found as that of an installed package is.

On a card it has the full topology, and its numbers are made there; `bench-small` is one double and one single block
for a machine without. Their pictures mean nothing. Nothing heavy is imported here: clients read this, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kilnmark.protocol.picture.family import Encoder, Family, Numbers, Variant

__all__ = ["FAMILY", "FULL", "SMALL", "findable"]

FULL, SMALL = "bench-dev", "bench-small"

_ENTRY = "[kilnmark.families]\nbench = tests.benchmarks.gpu.made:FAMILY\n"
_METADATA = "Metadata-Version: 2.1\nName: kilnmark-bench\nVersion: 0\n"


def _variant(name: str, side: int, numbers: Numbers, *shapes: str) -> Variant:
    transformer, clip, t5 = shapes
    return Variant(
        name=name,
        family="bench",
        width=side,
        height=side,
        steps=4,
        guidance=3.5,
        encoders=(
            Encoder(attribute="clip_text_encoder", title="CLIP", tokens=77, own=2, shapes=clip),
            Encoder(attribute="t5_text_encoder", title="T5", tokens=512, shapes=t5),
        ),
        shapes=transformer,
        numbers=numbers,
    )


FAMILY = Family(
    name="bench",
    title="FLUX.1 of random weights",
    engine="tests.benchmarks.gpu.made_engine",
    variants=(
        _variant(FULL, 1024, Numbers(matrices=16_784_467_712, others=51_904_323), "dev", "clip_l", "t5_xxl"),
        _variant(SMALL, 32, Numbers(matrices=500_000_000, others=20_000_000), "bench-small", "bench-clip", "bench-t5"),
    ),
    blocks=("transformer_blocks.", "single_transformer_blocks."),
    data="tests.benchmarks.gpu",
    numerics=("exact", "fast"),
)


@contextmanager
def findable() -> Iterator[Path]:
    """A folder that has to be on Python's path for this row to be found; it goes with the context."""
    with TemporaryDirectory(prefix="kilnmark-bench-") as folder:
        info = Path(folder) / "kilnmark_bench-0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(_ENTRY)
        (info / "METADATA").write_text(_METADATA)
        yield Path(folder)
