"""Requests as JSON lines: each the keywords of `render`, composed and decided here, so that no node has a say in it.

The same file handed in again is the same jobs: a seed that nobody said is drawn from the line itself.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from kilnmark.client.batch.plan.adapters import FoundAdapters
from kilnmark.client.batch.plan.wanted import wanted_by_style
from kilnmark.client.pack_files import PackFolder
from kilnmark.client.request import render_params
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.keymaps.pictures.decoded import glimpsed
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.promoted import load_promotions
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.decide import base_for, decide
from kilnmark.protocol.picture.given import AskedPicture, GivenPicture, GivenPictures
from kilnmark.protocol.picture.spec import asked_again
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.stacks import asked_by_paths
from kilnmark.protocol.wire.status import StatusResult

if TYPE_CHECKING:
    from kilnmark.client.request import RenderRequest

__all__ = ["SpecLine", "Specs", "read_specs"]

_KEPT = ("on_mismatch", "priority", "cache", "probe", "strength")


@dataclass(frozen=True)
class SpecLine:
    """One line.

    Attributes:
        number: Counted from 1.
        request: What is asked; None: it cannot be, for the reason in `problem`.
        warnings: What is otherwise than it says.
    """

    number: int
    request: "RenderRequest | None" = None
    problem: str = ""
    warnings: tuple[str, ...] = ()


def read_specs(file: Path, specs: "Specs") -> Iterator[SpecLine]:
    """Every line that is not blank.

    Args:
        file: UTF-8, one JSON object a line.
        specs: Decides them.

    Raises:
        FarmNotUsable: The file cannot be read.
    """
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield specs.line(number, line.strip())
    except OSError as error:
        raise FarmNotUsable(str(file), f"cannot be read ({error.strerror or error})") from error


class Specs:
    """Decides requests as a daemon would that serves what the farm serves.

    Args:
        status: Of the farm.
        packs: The folder of packs that genres are in; None: no line may name one.
        lora_roots: Further folders that their adapters may lie in.
    """

    def __init__(self, status: StatusResult, packs: Path | None, lora_roots: tuple[Path, ...] = ()) -> None:
        self._status = status
        self._packs = packs
        self._files = None if packs is None else PackFolder(packs)
        self._adapters = None if packs is None else FoundAdapters(packs, lora_roots)
        self._seen: Counter[bytes] = Counter()

    def line(self, number: int, line: bytes) -> SpecLine:
        """One line, decided, or why it cannot be."""
        digest = hashlib.sha256(line).digest()
        self._seen[digest] += 1
        drawn = hashlib.sha256(digest + str(self._seen[digest]).encode()).digest()
        try:
            asked = msgspec.json.decode(line, type=RenderParams)
            request, warnings = self._decided(asked, int.from_bytes(drawn[:4]))
        except UnusableContent as error:
            return SpecLine(number, problem="; ".join(str(problem) for problem in error.problems))
        except (msgspec.DecodeError, UnicodeDecodeError, KilnmarkError) as error:
            return SpecLine(number, problem=str(error))
        return SpecLine(number, request, warnings=warnings)

    def _decided(self, asked: RenderParams, drawn: int) -> "tuple[RenderRequest, tuple[str, ...]]":
        if any(not isinstance(each, str | None) for each in (asked.init_image, *asked.reference_images)):
            raise InvalidParams("a farm takes pictures by their paths - at `$.params.init_image`; put it into a file")
        names = [name for name in RenderParams.__struct_fields__ if name != "meta"]
        defaults = RenderParams(prompt=asked.prompt)
        said = {name: value for name in names if (value := getattr(asked, name)) != getattr(defaults, name)}
        params = render_params(**{"prompt": asked.prompt, **said})
        style = None if params.genre is None else self._style(params)
        tier = None if style or params.tier is None else load_tiers().get(params.tier)
        if params.tier is not None and style is None and tier is None:
            raise InvalidParams(f"no tier is called {params.tier!r}; there are {', '.join(load_tiers())}")
        served = self._status.variants
        base = base_for(params.variant, style, tier, served=served, default=self._status.variant)
        if base not in served:
            raise InvalidParams(f"no node of the farm serves {base!r}; they serve {', '.join(served)}")
        row = row_of(base, self._status.counts_as)
        drafts = base in self._status.drafts
        given = _given(params)
        decision = decide(params, base, row, style=style, tier=tier, given=given, drafts=drafts, draw=lambda: drawn)
        paths, scales, blocks = self._stack(params, style)
        request = {name: value for name in _KEPT if (value := said.get(name)) is not None}
        request |= asked_again(decision.spec, row) | asked_by_paths(paths, scales, blocks)
        request |= {name: getattr(params, name) for name in ("init_image", "reference_images") if name in said}
        request["tier"] = _every_genres(params.tier, base)
        request["job_id"] = params.job_id or _job_id(request)
        untold = (
            () if params.notify_url is None else ("nobody is told of its end at `notify_url`: a farm tells nobody",)
        )
        return cast("RenderRequest", request), (*decision.warnings, *untold)

    def _style(self, params: RenderParams) -> ComposedStyle:
        if self._files is None or params.genre is None or params.tier is None:
            raise InvalidParams("a genre is composed here - at `$.params.genre`; give its folder with --packs")
        own = {"negative_prompt": params.negative_prompt, "base_seed": params.seed, "preferred_model": params.variant}
        given = [field for field, value in own.items() if value is not None]
        pack = load_pack(self._files, params.genre, params.world)
        return pack.compose(params.tier, PicturePlace.called(params.place), given)

    def _stack(
        self, params: RenderParams, style: ComposedStyle | None
    ) -> tuple[list[str], list[float], list[dict[str, float]]]:
        """All adapters, in stack order: paths, scales, and scales on some blocks.

        Raises:
            UnusableContent: One of a style cannot be used.
        """
        paths, scales = list(params.lora_paths), list(params.lora_scales)
        blocks = list(params.lora_block_scales) or [{} for _ in paths]
        if style is not None and self._adapters is not None and self._files is not None and self._packs is not None:
            load = partial(load_promotions, self._files, style.pack.genre)
            trust = partial(Trust.of, load, str(self._packs.resolve()), required=style.requires_promoted)
            found = self._adapters.stack(wanted_by_style(style), style.variant, trust)
            if found.adapters is None:
                raise UnusableContent(list(found.problems))
            paths = [each.path for each in found.adapters]
            scales = [each.scale for each in found.adapters]
            blocks = [dict(each.scales) for each in found.adapters]
        for extra in params.extra_loras:
            paths.append(extra.path)
            scales.append(extra.scale)
            blocks.append(extra.block_scales)
        return paths, scales, blocks


def _given(params: RenderParams) -> GivenPictures:
    """What is in the pictures that a request names.

    Raises:
        RefusedPicture: One is none.
    """
    start = None if params.init_image is None else _glimpsed(params.init_image)
    return GivenPictures(start, tuple(_glimpsed(each) for each in params.reference_images))


def _glimpsed(path: AskedPicture) -> GivenPicture:
    return glimpsed(read_picture(cast("str", path), None))


def _every_genres(tier: str | None, base: str) -> str | None:
    """The name of a tier that every genre has, for this base: of another a daemon would warn."""
    found = load_tiers().get(tier or "")
    return tier if found is not None and found.variant == base else None


def _job_id(request: dict[str, Any]) -> str:
    return f"spec-{hashlib.sha256(msgspec.json.encode(request, order='sorted')).hexdigest()[:40]}"
