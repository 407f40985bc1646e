"""The pictures that an adapter is verified by: which there are, painted by the daemon, and kept beside the report.

Each has a job id of its own, so that a daemon which painted it for a verification that was stopped hands it out. What
they show is not judged here.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import msgspec

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.client.sync import Client
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.limits import GateLimits
from kilnmark.lab.run.progress import Came, nobody
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["GateCandidate", "GatePicture", "Shot", "Shown", "painted", "shots_of"]


class GateCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """What is put before the gate.

    Attributes:
        file: The adapter, within the daemon's roots.
        sha256: As reports have it.
        trigger: The words that call it up; empty: it is always on.
        base: The variant.
        scale: At which it is to be used.
        seeds: One scene each, and over again.
        numbers: Of the pictures, such as width, height and steps; what is left out is the tier's or the variant's.
    """

    file: Path
    sha256: str
    trigger: str
    base: str
    scale: float = 1.0
    seeds: tuple[int, ...] = (1,)
    numbers: dict[str, int] = {}


class Shown(StrEnum):
    """What a picture is painted with."""

    BARE_TRIGGER = "without adapter, with trigger"
    BARE_CONTROL = "without adapter"
    TRIGGER = "with trigger"
    CONTROL = "without trigger"
    NONSENSE = "with nonsense"

    @property
    def has_adapter(self) -> bool:
        """Whether the adapter is on."""
        return self not in {Shown.BARE_TRIGGER, Shown.BARE_CONTROL}


class Shot(msgspec.Struct, frozen=True):
    """One picture that is to be.

    Attributes:
        shown: With what.
        scene: The number of the scene.
        prompt: All of it.
        seed: Of the noise.
    """

    shown: Shown
    scene: int
    prompt: str
    seed: int

    @property
    def file(self) -> str:
        """Its name in the folder of the report."""
        return f"{self.scene + 1}-{self.shown.name.lower().replace('_', '-')}.png"


class GatePicture(msgspec.Struct, frozen=True):
    """One that is there.

    Attributes:
        shot: Which.
        path: Where.
        sha256: Of its bytes.
        reports: What each adapter did to it.
    """

    shot: Shot
    path: Path
    sha256: str
    reports: tuple[AdapterReport, ...]


def shots_of(candidate: GateCandidate, limits: GateLimits) -> tuple[Shot, ...]:
    """Which pictures there are to be: five a scene, or two where there is no trigger."""
    return tuple(shot for at, scene in enumerate(limits.scenes) for shot in _of_scene(candidate, limits, at, scene))


def _of_scene(candidate: GateCandidate, limits: GateLimits, at: int, scene: str) -> Iterator[Shot]:
    seed = candidate.seeds[at % len(candidate.seeds)] + at
    yield Shot(Shown.BARE_CONTROL, at, scene, seed)
    if candidate.trigger:
        called = limits.pattern.format(trigger=candidate.trigger, scene=scene)
        yield Shot(Shown.BARE_TRIGGER, at, called, seed)
        yield Shot(Shown.TRIGGER, at, called, seed)
        yield Shot(Shown.NONSENSE, at, limits.pattern.format(trigger=limits.nonsense, scene=scene), seed)
    yield Shot(Shown.CONTROL, at, scene, seed)


def painted(
    client: Client,
    candidate: GateCandidate,
    shots: Sequence[Shot],
    folder: Path,
    tell: Callable[[str], None] | None = None,
    came: Came = nobody,
) -> Mapping[tuple[Shown, int], GatePicture]:
    """Have pictures painted, those without the adapter first, and keep them.

    Args:
        client: Of the daemon.
        candidate: What is painted with.
        shots: Which.
        folder: Where they are kept.
        tell: Takes a line for people as each is done; None: nobody listens.
        came: Told of each.

    Returns:
        By what is shown, and scene.

    Raises:
        KilnmarkError: What the first one that cannot be painted ended with.
        RunUnusable: One cannot be kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(shots, key=lambda shot: shot.shown.has_adapter)
    requests = [_request(candidate, shot) for shot in ordered]
    found = {}
    for done, rendered in enumerate(client.render_many(requests), 1):
        shot = ordered[rendered.index]
        found[shot.shown, shot.scene] = _kept(folder, shot, rendered)
        came(done, len(ordered))
        if tell is not None:
            tell(f"{done}/{len(ordered)} {shot.shown}: {shot.prompt}")
    return found


def _request(candidate: GateCandidate, shot: Shot) -> RenderRequest:
    request: dict[str, Any] = {
        "prompt": shot.prompt,
        "variant": candidate.base,
        "seed": shot.seed,
        "on_mismatch": "warn",
        "draft": False,
        "job_id": f"lab-verify-{_digest(candidate, shot)}",
        **candidate.numbers,
    }
    if shot.shown.has_adapter:
        request |= {"lora_paths": [candidate.file], "lora_scales": [candidate.scale]}
    return cast("RenderRequest", request)


def _digest(candidate: GateCandidate, shot: Shot) -> str:
    own = candidate if shot.shown.has_adapter else msgspec.structs.replace(candidate, file=Path(), sha256="")
    return hashlib.sha256(msgspec.json.encode([own, shot], enc_hook=str)).hexdigest()[:32]


def _kept(folder: Path, shot: Shot, rendered: Rendered) -> GatePicture:
    if rendered.result is None:
        raise rendered.error or RunUnusable(str(folder), f"{shot.file} ended with nothing", "verify it again")
    goal = folder / shot.file
    try:
        sha256 = _copied(goal, rendered.result)
    except OSError as error:
        raise RunUnusable(str(goal), error.strerror or str(error), "make room for it, and verify it again") from error
    return GatePicture(shot, goal, sha256, tuple(rendered.result.loras))


def _copied(goal: Path, result: RenderResult) -> str:
    source = Path(result.image_path)
    if not is_unspoilt(source, result.image_sha256):
        raise OSError(f"{source} is not the picture that was painted: somebody wrote to it")
    with source.open("rb") as given, written_whole(goal, alone=True) as taken:
        shutil.copyfileobj(given, taken)
        return sha256_of(taken)
