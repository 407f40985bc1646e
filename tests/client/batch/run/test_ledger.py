"""The ledger: pictures whole in their places, and what is written of them."""

import contextlib
import dataclasses
import hashlib
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kilnmark.client.batch.errors import FolderInUse, FolderUnusable
from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run import ledger as ledger_room
from kilnmark.client.batch.run.base import UNKNOWN, BaseNow
from kilnmark.client.batch.run.journal import JOURNAL
from kilnmark.client.batch.run.ledger import OLD_THERE, Ledger, found_in, open_ledger
from kilnmark.client.batch.run.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.pinned import PinnedItem, pin_items
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.picture.record import CHUNK, PictureRecord
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import StackInfo
from tests.client.batch.packs import make_packs

BASE = BaseInfo(
    variant="standin",
    fingerprint="f" * 64,
    precision="float32",
    quantize=None,
    backend="cpu",
    target_count=494,
    memory_bytes=1,
    load_ms=1.0,
    mlx_version="1",
    mflux_version="1",
)
NOW, ANOTHER = BaseNow.of(BASE), BaseNow("another base")


@pytest.fixture
def item(tmp_path: Path) -> PinnedItem:
    packs = make_packs(tmp_path / "packs", base_seed=7)
    items = make_plan(Wishes(kind="poi", packs=packs.root, limit=1), TokenCounter(env={})).items
    return pin_items(items, ["standin"], "standin", lambda _: "a" * 64, compare_base=True)[0]


@pytest.fixture
def bare(item: PinnedItem) -> PinnedItem:
    made = pin_items([item.planned], ["standin"], "standin", lambda _: "a" * 64, compare_base=True)
    return next(each for each in made if each.bare)


def record_of(
    item: PinnedItem, *, sha256: str = "a" * 64, fingerprint: str = BASE.fingerprint, numerics: Numerics = "exact"
) -> PictureRecord:
    return PictureRecord(
        **item.spec.fields_for(PictureRecord),
        kilnmark_version="1",
        created="2026-01-01T00:00:00Z",
        job_id=item.job_id(BaseNow(fingerprint, numerics)),
        tier=item.planned.tier,
        base=msgspec.structs.replace(BASE, fingerprint=fingerprint, numerics=numerics),
        stack=StackInfo(source="paths"),
        loras=[
            AdapterReport(name="file", path=path, sha256=sha256, scale=scale, verdict=Verdict.ENGAGED, reason="")
            for path, (_, scale) in zip(item.paths, item.spec.adapters, strict=True)
        ],
    )


def painted(path: Path, record: PictureRecord) -> Path:
    """A picture as the daemon leaves it."""
    info = PngInfo()
    info.add_itxt(CHUNK, msgspec.json.encode(record).decode())
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


def test_a_picture_that_was_taken_in_and_written_down_is_there(item: PinnedItem, tmp_path: Path) -> None:
    source = painted(tmp_path / "made.png", record_of(item))
    with open_ledger(tmp_path / "out") as ledger:
        assert not ledger.has(item, UNKNOWN)
        ledger.write_done(item, ledger.take_in(item, source), ["a warning"])
        assert ledger.has(item, UNKNOWN)
        assert ledger.has(item, NOW)
        assert not ledger.has(item, ANOTHER)
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert (picture.loras[0].name, picture.message, picture.inputs) == ("moss", "a warning", item.digest)
    assert source.is_file()


def test_one_file_that_a_style_and_its_entry_have_keeps_both_names(item: PinnedItem, tmp_path: Path) -> None:
    (moss,) = item.planned.adapters
    planned = dataclasses.replace(item.planned, adapters=(moss, dataclasses.replace(moss, name="own")))
    twice = dataclasses.replace(item, planned=planned, spec=item.spec.pinned([(item.spec.adapters[0].sha256, 1.0)] * 2))
    source = painted(tmp_path / "made.png", record_of(twice))
    with open_ledger(tmp_path / "out") as ledger:
        ledger.write_done(twice, ledger.take_in(twice, source), [])
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert [report.name for report in picture.loras] == ["moss", "own"]


def test_one_that_fails_where_an_earlier_picture_lies_says_so(item: PinnedItem, tmp_path: Path) -> None:
    source = painted(tmp_path / "made.png", record_of(item))
    with open_ledger(tmp_path / "out") as ledger:
        ledger.write_failed(item, "no adapter", [], "")
        before = ledger.picture_at(item.output)
        ledger.write_done(item, ledger.take_in(item, source), [])
        ledger.write_failed(item, "no adapter", [], "")
        after = ledger.picture_at(item.output)
    assert before is not None
    assert after is not None
    assert (before.old, after.old) == ("", OLD_THERE)


def test_item_record_and_manifest_have_one_digest(item: PinnedItem, tmp_path: Path) -> None:
    record = record_of(item)
    with open_ledger(tmp_path / "out") as ledger:
        ledger.write_done(item, record, [])
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert picture.inputs == item.digest == record.spec.digest == item.spec.digest
    assert picture.fields_for(Picture) == item.spec.fields_for(Picture)


def test_one_that_was_not_written_down_is_found_by_what_it_says_of_itself(item: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "out") as ledger:
        ledger.take_in(item, painted(tmp_path / "made.png", record_of(item)))
    with open_ledger(tmp_path / "out") as ledger:
        assert not ledger.has(item, UNKNOWN)
        assert found_in(ledger.folder / item.output, item, UNKNOWN) == record_of(item)
        assert found_in(ledger.folder / item.output, item, ANOTHER) is None


@pytest.mark.parametrize("place", [-6, -30, -1, 60])
def test_a_damaged_one_is_not_taken_for_it(item: PinnedItem, tmp_path: Path, place: int) -> None:
    path = painted(tmp_path / "made.png", record_of(item))
    data = bytearray(path.read_bytes())
    for spoilt in (data[:place], bytes(data) + b"x", flipped(data, place)):
        path.write_bytes(spoilt)
        assert found_in(path, item, UNKNOWN) is None
    path.write_bytes(data)
    assert found_in(path, item, UNKNOWN) == record_of(item)


def flipped(data: bytearray, place: int) -> bytes:
    other = bytearray(data)
    other[place] ^= 1
    return bytes(other)


@pytest.mark.parametrize("odd", ["another adapter", "dead adapter", "another seed", "no record", "no picture"])
def test_a_picture_of_something_else_is_not_taken_for_it(item: PinnedItem, tmp_path: Path, odd: str) -> None:
    record = record_of(item)
    if odd == "another adapter":
        record = record_of(item, sha256="b" * 64)
    if odd == "dead adapter":
        dead = msgspec.structs.replace(record.loras[0], verdict=Verdict.NOOP)
        record = msgspec.structs.replace(record, loras=[dead])
    if odd == "another seed":
        record = msgspec.structs.replace(record, seed=1)
    place = tmp_path / "out" / item.output
    place.parent.mkdir(parents=True)
    painted(place, record)
    if odd == "no record":
        Image.new("RGB", (8, 8)).save(place)
    if odd == "no picture":
        place.write_bytes(b"not a picture")
    with open_ledger(tmp_path / "out") as ledger:
        assert found_in(ledger.folder / item.output, item, UNKNOWN) is None


def test_what_was_applied_counts_when_a_file_was_exchanged_meanwhile(item: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "out") as ledger:
        record = record_of(item, sha256="b" * 64)
        ledger.write_done(item, ledger.take_in(item, painted(tmp_path / "made.png", record)), [])
        assert not ledger.has(item, UNKNOWN)
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert picture.inputs == item.spec.pinned([("b" * 64, item.spec.adapters[0].scale)]).digest


def test_a_bare_picture_is_written_beside_its_own_and_survives_it(
    item: PinnedItem, bare: PinnedItem, tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "out") as ledger:
        for each in (item, bare):
            ledger.write_done(each, ledger.take_in(each, painted(tmp_path / "made.png", record_of(each))), [])
        assert ledger.has(bare, UNKNOWN)
        ledger.write_failed(item, "no more", [], "job")
        assert ledger.has(bare, UNKNOWN)
        assert not ledger.has(item, UNKNOWN)
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert (picture.status, picture.bare_file) == ("failed", bare.output)


def test_a_bare_picture_of_another_base_is_let_go(item: PinnedItem, bare: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "out") as ledger:
        for each, base in ((item, "old"), (bare, "old"), (item, "new")):
            made = painted(tmp_path / "made.png", record_of(each, fingerprint=base))
            ledger.write_done(each, ledger.take_in(each, made), [])
        assert not ledger.has(bare, BaseNow("new"))
    assert read_manifest(tmp_path / "out").pictures[0].bare_file is None


@pytest.mark.parametrize(("then", "now"), [("exact", "fast"), ("fast", "exact")])
def test_a_picture_in_other_numerics_is_one_of_another_base(
    item: PinnedItem, bare: PinnedItem, tmp_path: Path, then: Numerics, now: Numerics
) -> None:
    base = BaseNow(BASE.fingerprint, now)
    with open_ledger(tmp_path / "out") as ledger:
        for each in (item, bare):
            made = painted(tmp_path / "made.png", record_of(each, numerics=then))
            ledger.write_done(each, ledger.take_in(each, made), [])
            assert ledger.has(each, BaseNow(BASE.fingerprint, then))
            assert not ledger.has(each, base)
            assert found_in(ledger.folder / each.output, each, base) is None
        ledger.write_done(item, record_of(item, numerics=now), [])
        assert ledger.has(item, base)
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert (picture.numerics, picture.bare_file) == (now, None)


def test_a_bare_picture_is_judged_by_its_own_numerics_where_its_pair_failed(
    item: PinnedItem, bare: PinnedItem, tmp_path: Path
) -> None:
    fast = BaseNow(BASE.fingerprint, "fast")
    with open_ledger(tmp_path / "out") as ledger:
        ledger.write_failed(item, "why", [], "job")
        made = painted(tmp_path / "made.png", record_of(bare, numerics="fast"))
        ledger.write_done(bare, ledger.take_in(bare, made), [])
        assert ledger.has(bare, fast)
        assert not ledger.has(bare, NOW)


def test_an_entry_that_names_no_numerics_is_exact(item: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.write_done(item, ledger.take_in(item, painted(tmp_path / "made.png", record_of(item))), [])
    manifest = msgspec.json.decode((tmp_path / MANIFEST).read_bytes())
    del manifest["pictures"][0]["numerics"]
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with open_ledger(tmp_path) as ledger:
        assert ledger.has(item, NOW)
        assert not ledger.has(item, BaseNow(BASE.fingerprint, "fast"))


def test_a_bare_picture_that_failed_is_told_of(item: PinnedItem, bare: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "out") as ledger:
        ledger.write_done(item, ledger.take_in(item, painted(tmp_path / "made.png", record_of(item))), [])
        ledger.write_failed(bare, "no memory", [], "job")
    (picture,) = read_manifest(tmp_path / "out").pictures
    assert (picture.status, picture.message) == ("done", "without adapters: no memory")


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with open_ledger(tmp_path), pytest.raises(FolderInUse), open_ledger(tmp_path):
        pass
    with open_ledger(tmp_path):
        pass


def test_a_folder_that_takes_nothing_is_named(item: PinnedItem, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match="file"), open_ledger(tmp_path / "file"):
        pass
    source = painted(tmp_path / "made.png", record_of(item))
    with open_ledger(tmp_path / "out") as ledger:
        (tmp_path / "out" / "ash").touch()
        with pytest.raises(FolderUnusable, match="give another --out"):
            ledger.take_in(item, source)


def test_a_picture_that_is_gone_is_an_error_of_its_own(item: PinnedItem, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "out") as ledger, pytest.raises(OSError, match=r"gone\.png is not there"):
        ledger.take_in(item, tmp_path / "gone.png")


def test_whoever_was_killed_leaves_what_the_next_one_publishes(item: PinnedItem, tmp_path: Path) -> None:
    killed = Ledger(tmp_path)
    killed.write_failed(item, "why", [], "job")
    assert not (tmp_path / MANIFEST).exists()
    with open_ledger(tmp_path) as ledger:
        assert [entry.message for entry in ledger.manifest.pictures] == ["why"]
    assert not (tmp_path / JOURNAL).exists()
    document = msgspec.json.decode((tmp_path / MANIFEST).read_bytes(), type=Manifest)
    assert [entry.message for entry in document.pictures] == ["why"]


def test_an_error_on_the_way_leaves_the_manifest_whole(item: PinnedItem, tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), open_ledger(tmp_path) as ledger:
        ledger.write_failed(item, "why", [], "job")
        raise ZeroDivisionError
    assert not (tmp_path / JOURNAL).exists()
    assert len(msgspec.json.decode((tmp_path / MANIFEST).read_bytes(), type=Manifest).pictures) == 1


def test_the_manifest_is_written_a_few_times_however_many_pictures_there_are(
    item: PinnedItem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def counted(folder: Path, manifest: Manifest) -> None:
        lengths.append(len(manifest.pictures))
        write_manifest(folder, manifest)

    monkeypatch.setattr(ledger_room, "write_manifest", counted)
    with open_ledger(tmp_path) as ledger:
        for number in range(300):
            ledger.write_failed(dataclasses.replace(item, file=f"ash/{number}.png"), "why", [], "job")
    assert lengths[-1] == 300
    assert sum(lengths) < 3 * 300


def test_a_link_put_into_the_folder_is_not_written_through(item: PinnedItem, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    source = painted(tmp_path / "made.png", record_of(item))
    with open_ledger(tmp_path / "out") as ledger:
        goal = tmp_path / "out" / item.output
        goal.parent.mkdir(parents=True, exist_ok=True)
        for name in (goal, goal.with_name(f".{goal.name}.partial")):
            name.symlink_to(tmp_path / "elsewhere" / "theirs")
        ledger.take_in(item, source)
        assert goal.read_bytes() == source.read_bytes()
        assert not goal.is_symlink()
        goal.unlink()
        goal.parent.rmdir()
        goal.parent.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FolderUnusable, match="leads out of the batch's folder"):
            ledger.take_in(item, source)
        goal.parent.unlink()
        goal.parent.parent.rmdir()
        goal.parent.parent.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FolderUnusable, match="leads out of the batch's folder"):
            ledger.take_in(item, source)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_picture_that_was_written_to_is_not_taken_for_the_one_that_was_painted(
    item: PinnedItem, tmp_path: Path
) -> None:
    source = painted(tmp_path / "made.png", record_of(item))
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    with open_ledger(tmp_path / "out") as ledger:
        ledger.take_in(item, source, sha256)
        source.write_bytes(source.read_bytes() + b"more")
        with pytest.raises(OSError, match="not the picture that was painted"):
            ledger.take_in(item, source, sha256)
