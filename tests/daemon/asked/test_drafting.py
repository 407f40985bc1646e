"""Drafts through the whole daemon: on which bases they are painted, and that a reply, a record and a name tell."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.asked.drafting import Drafts
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.worker.holdings import Holdings
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.draft import DRAFT_NOTICE
from kilnmark.protocol.picture.record import find_record
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import Loading
from tests.daemon.conftest import FakeDaemon, Wire

ASKED: dict[str, Any] = {"prompt": "a mill", "tier": "scene", "seed": 7}


@pytest.fixture(scope="module")
def drafting() -> Iterator[FakeDaemon]:
    with FakeDaemon(drafts="auto", cache_bytes=1 << 20) as running:
        yield running.warm()


@pytest.fixture
def wire(drafting: FakeDaemon) -> Iterator[Wire]:
    with drafting.wire() as wire:
        yield wire


def test_a_standin_paints_a_draft_where_nobody_says_and_everything_tells(wire: Wire) -> None:
    result = wire.result("render", ASKED)
    assert (result["width"], result["height"], result["steps"], result["draft"]) == (128, 96, 2, True)
    assert "this is a draft: 128 x 96, 2 steps instead of 1024 x 768, 12 steps" in result["warnings"][0]
    assert DRAFT_NOTICE in result["notice"]
    assert result["image_path"].endswith(".draft.png")
    with Path(result["image_path"]).open("rb") as file:
        record = find_record(file)
    assert record is not None
    assert (record.draft, DRAFT_NOTICE in record.notice) == (True, True)


def test_a_draft_is_no_answer_to_who_asks_for_these_very_numbers(wire: Wire) -> None:
    draft = wire.result("render", ASKED)
    same = wire.result("render", {**ASKED, "width": 128, "height": 96, "steps": 2})
    assert (same["draft"], same["notice"].endswith(DRAFT_NOTICE)) == (False, False)
    assert same["image_path"] != draft["image_path"]
    assert wire.result("render", ASKED)["image_path"] == draft["image_path"]  # which the cache has


def test_whoever_says_no_gets_the_picture(wire: Wire) -> None:
    result = wire.result("render", {**ASKED, "draft": False})
    assert (result["width"], result["height"], result["steps"], result["draft"]) == (1024, 768, 12, False)


def test_status_names_the_bases_that_are_drafted_on(drafting: FakeDaemon) -> None:
    assert drafting.status()["drafts"] == ["standin"]


@pytest.mark.parametrize("wrong", [{"size": 100}, {"size": 32}, {"steps": 0}, {"colour": 1}, "yes", 1])
def test_what_is_no_draft_is_refused_by_its_path(wire: Wire, wrong: Any) -> None:
    assert "`$.params.draft" in wire.error("render", {**ASKED, "draft": wrong})["message"]


def drafts(tmp_path: Path, backend: str, **settings: Any) -> Drafts:
    chosen = Settings.model_validate({"socket": tmp_path / "s", "output_dir": tmp_path, "variant": "dev", **settings})
    holdings = Holdings()
    if backend:
        holdings.hear(Loading(variant="dev", backend=backend))
    return Drafts(Served(chosen), holdings)


@pytest.mark.parametrize(
    ("drafting", "backend", "variant", "expected"),
    [
        ("auto", "cpu", "dev", True),
        ("auto", "cuda", "dev", False),
        ("auto", "metal", "dev", False),
        ("auto", "cpu", "mini", False),
        ("auto", "cuda", "standin", True),
        ("always", "cuda", "mini", True),
        ("never", "cpu", "standin", False),
    ],
)
def test_auto_drafts_on_what_would_take_too_long(
    tmp_path: Path, drafting: str, backend: str, variant: str, expected: bool
) -> None:
    assert drafts(tmp_path, backend, drafts=drafting).on(VARIANTS[variant]) is expected


def test_a_request_waits_until_the_worker_has_said_what_it_computes_on(tmp_path: Path) -> None:
    chosen = Settings.model_validate({"socket": tmp_path / "s", "output_dir": tmp_path, "variant": "dev"})

    async def asked(holdings: Holdings) -> bool:
        found = Drafts(Served(chosen), holdings)
        waits = asyncio.ensure_future(found.told(RenderParams(prompt="a mill")))
        await found.told(RenderParams(prompt="a mill", draft=True))  # these go by nothing of the kind
        await found.told(RenderParams(prompt="a mill", width=64, steps=1))
        assert not waits.done()
        holdings.hear(Loading(variant="dev", backend="cpu"))
        await waits
        return found.on(VARIANTS["dev"])

    async def held() -> bool:
        return await asked(Holdings())

    assert asyncio.run(held()) is True
