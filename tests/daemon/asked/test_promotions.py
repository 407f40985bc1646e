"""Promoted adapters alone, through the whole daemon: what is let in, what is not, and what is exchanged meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.admission import Admission, Admitted
from kilnmark.daemon.asked.promotions import Promotions
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.pictures.hashes import FileHashes, look_at
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand
from tests.daemon.conftest import FakeDaemon, Wire
from tests.manifests import manifest

STYLE = """\
base_seed: 77
require_promoted: {required}
loras:
  - {{name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [portrait, scene]}}
"""
PICTURE = {"prompt": "a ferry", "width": 64, "height": 64, "steps": 1}


class Shop:
    """Packs with one genre and one adapter, and what is promoted of it."""

    def __init__(self, root: Path, *, required: bool = True) -> None:
        self.root = root
        (root / "ink" / "loras").mkdir(parents=True)
        (root / "ink" / "visual_style.yaml").write_text(STYLE.format(required=str(required).lower()))
        self.manifest = root / "ink" / "loras.yaml"
        self.wash = make_adapter(root / "ink" / "loras" / "wash.safetensors", blocks=1, rank=1)

    def promote(self, *paths: Path) -> None:
        self.write(manifest(*map(content_hash, paths)))

    def write(self, text: str) -> None:
        """The manifest, whole at once: a daemon may look at any moment, and one that is cut short says other things."""
        part = self.manifest.with_suffix(".part")
        part.write_text(text)
        part.replace(self.manifest)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "packs")


@pytest.fixture
def wire(shop: Shop) -> Iterator[Wire]:
    with FakeDaemon(packs=shop.root) as daemon, daemon.warm().wire() as wire:
        yield wire


def asked(**more: object) -> dict[str, Any]:
    return {**PICTURE, "genre": "ink", "tier": "portrait", **more}


def by_path(path: Path, **more: object) -> dict[str, Any]:
    return {**PICTURE, "lora_paths": [str(path)], "lora_scales": [1.0], **more}


def test_what_is_promoted_is_painted(wire: Wire, shop: Shop) -> None:
    shop.promote(shop.wash)
    [lora] = wire.result("render", asked())["loras"]
    assert (lora["verdict"], lora["sha256"]) == ("engaged", content_hash(shop.wash))


def test_what_is_not_is_refused_with_the_command_that_would_promote_it(wire: Wire, shop: Shop) -> None:
    error = wire.error("render", asked(on_mismatch="warn"))
    command = f"kilnmark lab promote {shop.wash} --run RUN --genre ink --packs {shop.root} --signed-by NAME"
    assert (error["code"], f"promote it with `{command}`" in error["message"]) == (-32013, True), error
    [report] = error["data"]["detail"]["loras"]
    assert (report["name"], report["verdict"], report["sha256"]) == ("wash", "refused", content_hash(shop.wash))


def test_what_goes_behind_a_style_has_to_be_promoted_in_its_genre(wire: Wire, shop: Shop, tmp_path: Path) -> None:
    bel = make_adapter(shop.root / "ink" / "loras" / "bel.safetensors", blocks=1, rank=1, seed=4)
    shop.promote(shop.wash)
    extra = {"extra_loras": [{"path": str(bel)}]}
    error = wire.error("render", asked(on_mismatch="warn", **extra))
    assert [(each["name"], each["verdict"]) for each in error["data"]["detail"]["loras"]] == [("bel", "refused")]
    composition = wire.result("style.compose", {"genre": "ink", "tier": "portrait", **extra})
    assert [(each["file"], "is not promoted" in each["message"]) for each in composition["problems"]] == [
        (str(bel), True)
    ]
    shop.promote(shop.wash, bel)
    assert [lora["name"] for lora in wire.result("render", asked(**extra))["loras"]] == ["wash", "bel"]


def test_a_file_that_was_replaced_is_not_the_promoted_one(wire: Wire, shop: Shop) -> None:
    shop.promote(shop.wash)
    wire.result("render", asked())
    make_adapter(shop.wash, blocks=1, rank=2)
    assert "does not stand in ink/loras.yaml" in wire.error("render", asked())["message"]


def test_what_is_demoted_is_refused_at_once_though_its_picture_was_made(shop: Shop) -> None:
    with FakeDaemon(packs=shop.root, cache_bytes=1 << 20) as daemon, daemon.warm().wire() as wire:
        shop.promote(shop.wash)
        wire.result("render", asked())
        shop.write(manifest())
        assert "is not promoted in ink" in wire.error("render", asked())["message"]


def test_a_broken_manifest_trusts_nobody_and_status_tells_of_it(wire: Wire, shop: Shop) -> None:
    shop.promote(shop.wash)
    wire.result("render", asked())
    shop.write(f"{shop.manifest.read_text()}tail: 1\n")
    message = wire.error("render", asked())["message"]
    assert "is not known to be promoted, since ink/loras.yaml:5: tail: is no field here" in message
    assert [problem["entry"] for problem in wire.result("status")["packs"]["problems"]] == ["tail"]


def test_a_genre_that_asks_for_nothing_gets_what_it_names(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "packs", required=False)
    with FakeDaemon(packs=shop.root) as daemon, daemon.warm().wire() as wire:
        assert wire.result("render", asked())["loras"][0]["verdict"] == "engaged"


def test_a_request_by_paths_is_no_genres_unless_the_daemon_asks_for_all(shop: Shop, wire: Wire) -> None:
    assert wire.result("render", by_path(shop.wash))["loras"][0]["verdict"] == "engaged"
    with FakeDaemon(packs=shop.root, require_promoted="all") as daemon, daemon.warm().wire() as strict:
        assert "is not promoted in ink" in strict.error("render", by_path(shop.wash))["message"]
        assert strict.result("render", PICTURE)["loras"] == []
        shop.promote(shop.wash)
        assert strict.result("render", by_path(shop.wash))["loras"][0]["verdict"] == "engaged"


def test_by_paths_any_genre_may_have_promoted_it_and_a_broken_one_costs_no_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "packs")
    oil = shop.root / "oil"
    oil.mkdir()
    (oil / "loras.yaml").write_text("[")
    stranger = make_adapter(shop.root / "stranger.safetensors", blocks=1, rank=3)
    shop.promote(shop.wash)
    with FakeDaemon(packs=shop.root, require_promoted="all") as daemon, daemon.warm().wire() as wire:
        assert wire.result("render", by_path(shop.wash))["loras"][0]["verdict"] == "engaged"
        assert "since oil/loras.yaml:1: is not YAML" in wire.error("render", by_path(stranger))["message"]


def test_a_file_that_is_exchanged_between_acceptance_and_painting_is_caught(shop: Shop) -> None:
    shop.promote(shop.wash)
    with FakeDaemon(packs=shop.root) as daemon, daemon.warm().wire() as wire:
        daemon.worker.hold("denoise")
        first = wire.send("render", asked(prompt="holds the worker"))
        wire.status_once(lambda status: status["queue"]["running"] == 1)
        ids = [wire.send("render", asked(prompt=how, job_id=how, on_mismatch=how)) for how in ("warn", "error")]
        wire.once_ready("warn", "error")
        make_adapter(shop.wash, blocks=1, rank=2)
        daemon.worker.hold()
        replies = {reply["id"]: reply for reply in (wire.read(), wire.read(), wire.read())}
        assert replies[first]["result"]["loras"][0]["verdict"] == "engaged"
        for each in ids:
            assert replies[each]["error"]["code"] == -32007
            assert "other bytes than those that were found to be promoted" in replies[each]["error"]["message"]


def test_what_waits_with_an_adapter_that_is_demoted_ends_and_what_is_under_way_is_painted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilnmark.daemon.machine.rounds.LOOK_INTERVAL", 0.05)
    shop.promote(shop.wash)
    with FakeDaemon(packs=shop.root) as daemon, daemon.warm().wire() as wire:
        daemon.worker.hold("denoise")
        first = wire.send("render", asked(prompt="is under way"))
        wire.status_once(lambda status: status["queue"]["running"] == 1)
        waits = [wire.send("render", asked(prompt=name, job_id=name)) for name in ("one", "other")]
        bare = wire.send("render", PICTURE)
        wire.once_ready("one", "other")
        shop.write("[")
        assert "is not known to be promoted" in wire.error("render", asked(prompt="three"))["message"]
        shop.write(manifest())
        ended = [wire.read_until(lambda message: message.get("id") in waits) for _ in waits]
        assert {reply["id"] for reply in ended} == set(waits)  # in whatever order they became ready
        assert all("is not promoted in ink" in reply["error"]["message"] for reply in ended)
        daemon.worker.hold()
        replies = {reply["id"]: reply for reply in (wire.read(), wire.read())}
        assert replies[first]["result"]["loras"][0]["verdict"] == "engaged"
        assert replies[bare]["result"]["loras"] == []


def test_a_daemon_that_asks_for_all_without_packs_does_not_start() -> None:
    with pytest.raises(ValueError, match="nothing is promoted without packs"):
        FakeDaemon(require_promoted="all")


def test_a_config_beside_makes_another_adapter(wire: Wire, shop: Shop) -> None:
    shop.promote(shop.wash)
    (shop.wash.parent / "adapter_config.json").write_text('{"lora_alpha": 16, "r": 1}')
    assert "is not promoted in ink" in wire.error("render", asked())["message"]


def test_style_compose_tells_what_is_promoted_and_what_has_to_be(wire: Wire, shop: Shop) -> None:
    named = {"genre": "ink", "tier": "portrait"}
    [problem] = wire.result("style.compose", named)["problems"]
    assert (problem["file"], problem["line"], problem["entry"]) == ("ink/visual_style.yaml", 4, "loras[0].file")
    shop.promote(shop.wash)
    shown = wire.result("style.compose", named)
    assert (shown["require_promoted"], shown["problems"], shown["loras"][0]["promoted"]) == (True, [], True)


def test_packs_that_cannot_be_listed_trust_nobody_and_demote_nobody(tmp_path: Path) -> None:
    (tmp_path / "packs").symlink_to(tmp_path / "packs")
    promotions = Promotions(settings(packs=tmp_path / "packs", require_promoted="all"))
    stack = StackInfo(source="paths", names=("wash",))
    [said] = promotions.refusals(stack, ["/wash.safetensors"], ["a" * 64])
    assert said.startswith("is not known to be promoted, since the folder of packs: cannot be listed (Too many levels")
    assert promotions.demotions(stack, ["/wash.safetensors"], ["a" * 64]) == [""]


def test_a_hash_that_is_known_is_not_computed_again(shop: Shop) -> None:
    shop.promote(shop.wash)
    promotions, hashes = Promotions(settings(packs=shop.root)), FileHashes()
    seen = look_at([str(shop.wash)])
    long_ago = seen._replace(at_ns=seen.at_ns + 3_600_000_000_000)

    def admitted(*roots: Path) -> Admitted:
        return asyncio.run(Admission(promotions, hashes, roots).of(command(shop.wash), long_ago))

    assert admitted(shop.root).sha256s == [content_hash(shop.wash)]
    assert list(admitted().sha256s) == [content_hash(shop.wash)], "no file may be read below no root"


def command(path: Path) -> RenderCommand:
    params = RenderParams(prompt="a ferry", lora_paths=[str(path)], lora_scales=[1.0])
    found = accept(params, Served(settings()), "job").command
    return msgspec.structs.replace(found, promoted_only=True)


def settings(**more: Any) -> Settings:
    return Settings(socket=Path("/d.sock"), output_dir=Path("/pictures"), **more)
