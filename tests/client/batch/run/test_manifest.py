"""The manifest: whole at any moment, and honest about what it cannot read."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from tests.client.batch.samples import picture


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    manifest = Manifest(
        updated="2026-01-01T00:00:00Z",
        pictures=[picture(name="Glass Stair"), picture(name="Žďár", world=None, status="failed", message="why")],
        problems=[SourceProblem("ash/history.yaml", 3, "name is missing")],
    )
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_a_folder_without_one_knows_nothing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == Manifest()


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2}', '{"pictures": [{"genre": "ash"}]}', "\udc80"])
def test_one_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BrokenManifest, match=MANIFEST):
        read_manifest(tmp_path)


def test_fields_of_a_later_version_are_no_hindrance(tmp_path: Path) -> None:
    document = msgspec.to_builtins(Manifest(pictures=[picture()])) | {"mood": "calm"}
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(document))
    assert read_manifest(tmp_path).pictures == [picture()]


def test_a_writing_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(pictures=[picture()]))
    (tmp_path / f".{MANIFEST}.partial").mkdir()
    with pytest.raises(OSError, match="partial"):
        write_manifest(tmp_path, Manifest())
    assert read_manifest(tmp_path).pictures == [picture()]


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / f".{MANIFEST}.partial").write_bytes(b'{"pictures": [')
    write_manifest(tmp_path, Manifest(pictures=[picture()]))
    assert [each.name for each in tmp_path.iterdir()] == [MANIFEST]


def test_a_manifest_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    written = (
        '{"schema":1,"kilnmark_version":"0.1.0","updated":"2026-01-01T00:00:00Z","pictures":[{"genre":"ash",'
        '"world":"mire","kind":"poi","name":"Glass Stair","tier":"landscape","take":1,'
        '"source":"ash/worlds/mire/history.yaml:12","prompt":"a stair of glass","negative_prompt":null,"seed":7,'
        '"tokens":{"t5":6,"clip":7,"t5_limit":512,"clip_limit":77,"estimated":true},'
        '"file":"ash/mire/poi/glass-stair.png","bare_file":null,"width":64,"height":64,"steps":1,"guidance":3.5,'
        '"variant":"standin","loras":[],"status":"done","message":"","notice":"","job_id":"","inputs":"'
        f'{"0" * 64}","bare_inputs":"","fingerprint":"","created":"2026-01-01T00:00:00Z"}}],"problems":[]}}'
    )
    (tmp_path / MANIFEST).write_text(written)
    assert read_manifest(tmp_path).pictures == [picture()]
