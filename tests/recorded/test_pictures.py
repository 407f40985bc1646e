"""Pictures that were made before the rooms were laid out anew: what they say of themselves is still understood.

`specs.json` has what the code of then read from each as deciding its pixels, and as the base it was painted on; both
together were what its cache knew it by.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.pictures.cache import picture_key, recorded_key
from kilnmark.protocol.picture.record import PictureRecord, find_record
from kilnmark.protocol.picture.spec import PinnedSpec
from tests.recorded.changes import without_added
from tests.recorded.player import texts_of
from tests.recorded.record import PICTURES

SPECS: dict[str, dict[str, Any]] = json.loads((PICTURES / "specs.json").read_text(encoding="utf-8"))


def record_in(path: Path) -> PictureRecord:
    with path.open("rb") as file:
        record = find_record(file)
    assert record is not None
    return record


@pytest.mark.parametrize("name", SPECS)
def test_its_record_decodes_and_loses_nothing(name: str) -> None:
    path = PICTURES / f"{name}.png"
    written = json.loads(dict(texts_of(path.read_bytes()))["kilnmark"])
    assert written["job_id"] == name
    understood = without_added(msgspec.json.decode(msgspec.json.encode(record_in(path))), written, "pictures.kilnmark")
    assert {key: understood[key] for key in written} == written


@pytest.mark.parametrize("name", SPECS)
def test_one_that_was_made_before_there_was_a_choice_is_exact(name: str) -> None:
    base = record_in(PICTURES / f"{name}.png").base
    assert (base.numerics, base.compiled) == ("exact", False)


@pytest.mark.parametrize("name", SPECS)
def test_it_is_known_by_what_it_was_known_by(name: str) -> None:
    record = record_in(PICTURES / f"{name}.png")
    spec = msgspec.convert(SPECS[name]["spec"], PinnedSpec)
    assert record.spec == spec
    assert record.spec.digest == spec.digest
    assert recorded_key(record) == picture_key(spec, record.base, record.kilnmark_version)
    known = {**msgspec.to_builtins(record.base), "kilnmark_version": record.kilnmark_version}
    assert {part: known[part] for part in SPECS[name]["base"]} == SPECS[name]["base"]
