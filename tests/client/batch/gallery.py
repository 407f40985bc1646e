"""A folder of pictures as a batch leaves it: every standing, pairs, odd names, and pictures one can tell apart.

The pictures are painted here, as hills or a face under a sky, so that a person can look at the review page too:
`python -m tests.client.batch.gallery FOLDER [COUNT]`.
"""

import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kilnmark.client.batch.page.page import write_page
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.protocol.picture.record import STANDIN_NOTICE
from kilnmark.protocol.picture.report import AdapterReport, UnmatchedKeys, Verdict

__all__ = ["EVIL_NAME", "EVIL_PROMPT", "adapter", "make_gallery", "picture"]

EVIL_NAME = "<img src=x onerror=alert(1)> & \"Sons\" of 'Ærø' {{cards}}"
EVIL_PROMPT = "</template></script><script>document.title='broken'</script> https://example.invalid/ \ud800 {{style}}"
LANDSCAPE, PORTRAIT, SQUARE = (256, 192), (192, 256), (224, 224)
REASONS = {
    Verdict.ENGAGED: "8 of 8 keys changed 4 layers",
    Verdict.PARTIAL: "3 of 8 keys are unknown, first 'velvet.0003.matrix'; the file holds more than was applied",
    Verdict.NOOP: (
        "all 4 updates are exactly zero: the file was saved before training, or its weights were lost; "
        "train or export it again"
    ),
    Verdict.REFUSED: "not a safetensors file: the header's length says 7 GB, the file has 52 kB; fetch it again",
}
ENTRIES: tuple[tuple[str, str, Kind, str, str], ...] = (
    ("carding_moor", "The Shearing Steps", "poi", "landscape", "a broad stair of slate slabs climbing a heather hill"),
    ("carding_moor", "Widow Ottoline's Drying Lines", "poi", "landscape", "sheets of fog pegged out to dry at dawn"),
    ("carding_moor", "Ottoline Fleet", "portrait", "portrait", "a woman of seventy, hair pinned up with clothes pegs"),
    ("carding_moor", "Bram Understairs", "portrait", "portrait", "a boy of twelve, a tuft of cloud on his sleeve"),
    ("brine_exchange", "The Storm Floor", "poi", "landscape", "a trading hall roofed in bottles, a storm in each"),
    ("brine_exchange", "Low Tide Cellars", "poi", "landscape", "stone cellars below a harbour wall, a lantern"),
    ("brine_exchange", "Madame Isobar", "portrait", "portrait", "a stout auctioneer, a gavel of sea glass"),
    ("brine_exchange", "Quill", "portrait", "portrait", "a thin figure of green glass and brass"),
    ("", "Hearth squall", "creature", "creature", "a cat-sized thundercloud curled up on a hearthrug"),
    ("", "Barometer heron", "creature", "creature", "a grey heron with a throat of glass"),
)
STACKS = (
    (Verdict.ENGAGED, Verdict.ENGAGED),
    (Verdict.ENGAGED,),
    (Verdict.ENGAGED, Verdict.NOOP),
    (Verdict.ENGAGED, Verdict.ENGAGED),
    (Verdict.PARTIAL, Verdict.ENGAGED),
    (Verdict.ENGAGED,),
    (),
    (Verdict.ENGAGED, Verdict.ENGAGED),
)
TIER_SIZES = {"landscape": LANDSCAPE, "portrait": PORTRAIT, "creature": SQUARE}


def adapter(name: str, verdict: Verdict, ratio: float = 0.043) -> AdapterReport:
    """A report with figures that go with its verdict."""
    dead = verdict in {Verdict.NOOP, Verdict.REFUSED}
    return AdapterReport(
        name=name,
        path=f"loras/{name}.safetensors",
        scale=0.8,
        convention="diffusers",
        kind="lora",
        rank=1,
        total_key_count=8,
        matched_key_count=0 if dead else 5 if verdict is Verdict.PARTIAL else 8,
        unmatched_keys=UnmatchedKeys(),
        target_count=4,
        applied_target_count=0 if dead else 4,
        delta_ratio=0.0 if verdict is Verdict.NOOP else None if dead else ratio,
        verdict=verdict,
        reason=REASONS[verdict],
    )


def picture(number: int, entry: tuple[str, str, Kind, str, str], stack: tuple[Verdict, ...]) -> Picture:
    """An entry of a manifest that is done."""
    world, name, kind, tier, prompt = entry
    width, height = TIER_SIZES[tier]
    names = ("gouache", "felted") if world == "carding_moor" else ("glasslight", "weathered-faces")
    return Picture(
        genre="weatherwright",
        world=world or None,
        kind=kind,
        name=name,
        tier=tier,
        take=number // len(ENTRIES) + 1,
        source=f"weatherwright/worlds/{world}/history.yaml:{number + 4}",
        prompt=f"wwgouache, wwfelt, {prompt}, storybook illustration, visible brushwork, warm paper grain",
        negative_prompt="photograph, neon, text",
        seed=1887 + 7919 * number,
        tokens=Tokens(t5=41 + number % 30, clip=38, t5_limit=512, clip_limit=77, estimated=number % 3 == 0),
        file=f"pictures/{number:03d}.png",
        bare_file=f"pictures/{number:03d}.bare.png" if number % 2 == 0 and stack else None,
        width=width,
        height=height,
        steps=12,
        guidance=3.5,
        variant="dev",
        loras=[adapter(one, verdict, 0.004 * (number % 9 + 1)) for one, verdict in zip(names, stack, strict=False)],
        status="done",
        job_id=f"batch-{number:04d}",
        inputs=f"{number:064x}",
        created=f"2026-11-21T14:{number // 60 % 60:02d}:{number % 60:02d}Z",
    )


def make_gallery(folder: Path, count: int = 24) -> Manifest:
    """Paint a folder and write its page.

    Args:
        folder: Made when absent.
        count: Pictures; from the ninth on they are takes of the first ones, with other seeds.

    Returns:
        The manifest, which is not written.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    pairs = islice(zip(cycle(ENTRIES), cycle(STACKS), strict=False), count)
    pictures = [_spoilt(number, picture(number, entry, stack)) for number, (entry, stack) in enumerate(pairs)]
    _paint(folder, pictures)
    problems = [
        SourceProblem("weatherwright/worlds/carding_moor/history.yaml", 31, "name is missing; give the entry a `name`")
    ]
    manifest = Manifest(updated="2026-11-21T14:31:07Z", pictures=pictures, problems=problems)
    write_page(folder, manifest)
    return manifest


def _spoilt(number: int, good: Picture) -> Picture:
    """The few pictures that went wrong, and the one that is named to do harm."""
    changes: dict[str, object] = {}
    if number == 5:
        refused = adapter("glasslight", Verdict.REFUSED)
        changes = {"status": "failed", "loras": [refused], "message": f"adapter refused: glasslight: {refused.reason}"}
    if number == 9:
        changes = {"status": "failed", "loras": [], "message": "the worker was lost while it painted; run it again"}
    if number == 11:
        changes = {"name": EVIL_NAME, "prompt": EVIL_PROMPT}
    if number == 13:
        changes = {"name": "منارة الضباب", "notice": STANDIN_NOTICE}
    return msgspec.structs.replace(good, **changes)


def _paint(folder: Path, pictures: list[Picture]) -> None:
    made: dict[tuple[int, str], bytes] = {}
    for number, one in enumerate(pictures):
        for file, bare in ((one.file, False), (one.bare_file, True)):
            if file is None or one.status == "failed":
                continue
            key = (number % 20, f"{bare}{one.tier}")
            if key not in made:
                _scene(key[0], (one.width, one.height), face=one.kind != "poi", bare=bare).save(folder / file)
                made[key] = (folder / file).read_bytes()
            (folder / file).write_bytes(made[key])


def _scene(seed: int, size: tuple[int, int], *, face: bool, bare: bool) -> Image.Image:
    numbers = np.random.default_rng(seed)
    width, height = size
    high, low, land = (numbers.uniform(40, 235, 3) for _ in range(3))
    rows = np.linspace(0, 1, height)[:, None, None]
    canvas = (high * (1 - rows) + low * rows) * np.ones((1, width, 1))
    across, down = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    for depth, level in enumerate(_ridges(numbers, across)):
        canvas[down > level] = land * (1 - 0.22 * depth)
    if face:
        canvas[((across - 0.5) / 0.24) ** 2 + ((down - 0.45) / 0.28) ** 2 < 1] = numbers.uniform(120, 230, 3)
        canvas[(down > 0.7) & (((across - 0.5) / 0.42) ** 2 + ((down - 1.02) / 0.3) ** 2 < 1)] = high * 0.5
    if bare:
        canvas = canvas.mean(axis=2, keepdims=True) * np.array([1.0, 0.97, 0.9])
    else:
        canvas += numbers.normal(0, 9, (height, width, 1))
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def _ridges(numbers: np.random.Generator, across: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for depth in range(3):
        phase, pace = numbers.uniform(0, 6), numbers.uniform(3, 9)
        yield 0.5 + 0.16 * depth + 0.07 * np.sin(across * pace + phase) + 0.02 * np.sin(across * pace * 4.1)


if __name__ == "__main__":
    make_gallery(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 24)
