"""Pictures on disk: whole or absent, and telling what they are."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec
import pytest
from PIL import Image

from kilnmark.engine.run.saver import write_picture
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.protocol.picture.parameters import PARAMETERS_CHUNK
from kilnmark.protocol.picture.record import CHUNK, PictureRecord, decode_record
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo
from tests.protocol.samples import BASE
from tests.text.hostile import EVERYTHING, acting

DEAD = AdapterReport(
    name="dead", path="/l/dead.safetensors", sha256="cd" * 32, scale=0.5, verdict=Verdict.NOOP, reason="zero"
)

RECORD = PictureRecord(
    kilnmark_version="1.2.3",
    created="2030-01-02T03:04:05.678+00:00",
    notice="means nothing",
    job_id="job-1",
    prompt="ein Töpfer, 窯",
    negative_prompt="blur",
    tier=None,
    seed=7,
    steps=2,
    guidance=3.5,
    width=64,
    height=64,
    base=BASE,
    stack=StackInfo(source="paths", names=("dead",)),
    loras=[DEAD],
)


@dataclass
class FailingImage:
    """A picture whose encoder fails half way, as a full disk makes it."""

    written: list[Path] = field(default_factory=list)

    def save(self, file: IO[bytes], **_: object) -> None:
        file.write(b"\x89PNG half")
        self.written.append(Path(file.name))
        raise OSError(28, "No space left on device")


def test_the_record_comes_back_from_the_chunk(tmp_path: Path) -> None:
    path = write_picture(Image.new("RGB", (64, 64)), RECORD, OutputFolder(tmp_path)).path
    with Image.open(path) as picture:
        assert decode_record(picture.info[CHUNK]) == RECORD


def test_the_parameters_text_is_what_the_fields_tools_read(tmp_path: Path) -> None:
    path = write_picture(Image.new("RGB", (64, 64)), RECORD, OutputFolder(tmp_path)).path
    with Image.open(path) as picture:
        prompt, negative, facts = picture.info[PARAMETERS_CHUNK].split("\n")
    assert prompt == "ein Töpfer, 窯"
    assert negative == "Negative prompt: blur"
    assert facts.startswith("Steps: 2, Sampler: Euler, ")
    assert 'Lora hashes: "dead: cdcdcdcdcdcd"' in facts
    assert 'Lora weights: "dead: 0.5 noop"' in facts
    assert "means nothing" in facts


def test_no_chunk_has_anything_in_it_that_acts_or_lies(tmp_path: Path) -> None:
    record = msgspec.structs.replace(RECORD, prompt=EVERYTHING, negative_prompt=EVERYTHING)
    path = write_picture(Image.new("RGB", (64, 64)), record, OutputFolder(tmp_path)).path
    with Image.open(path) as picture:
        texts = {name: text for name, text in picture.info.items() if isinstance(text, str)}
    assert set(texts) == {CHUNK, PARAMETERS_CHUNK}
    assert acting("".join(texts.values())) == ""
    assert texts[PARAMETERS_CHUNK].count("Seed:") == 1
    assert decode_record(texts[CHUNK]) == record


def test_its_name_sorts_by_time_and_names_the_job_and_its_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    saved = write_picture(Image.new("RGB", (8, 8)), RECORD, OutputFolder(tmp_path))
    assert saved.path.name == "20300102030405678-job-1.png"
    assert saved.sha256 == hashlib.sha256(saved.path.read_bytes()).hexdigest()


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    image = FailingImage()
    with pytest.raises(OSError, match="No space left"):
        write_picture(image, RECORD, OutputFolder(tmp_path))  # type: ignore[arg-type]
    assert image.written
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert write_picture(Image.new("RGB", (8, 8)), RECORD, OutputFolder(tmp_path / "a" / "b")).path.exists()


def test_a_later_reader_may_meet_fields_it_does_not_know() -> None:
    chunk = msgspec.json.encode(RECORD).replace(b'"job_id"', b'"new_field":1,"job_id"').decode()
    assert decode_record(chunk) == RECORD
