"""How far a render has come, on one growing scale."""

from kilnmark.daemon.wire.exchange import SILENT_STAGES, position, progress_total, stage_words
from kilnmark.protocol.wire.work import Stage, Stepped


def stepped(stage: Stage, step: int) -> Stepped:
    return Stepped(job_id="a", stage=stage, step=step, steps=3)


COURSE = [
    stepped("adapters", 0),
    stepped("encode", 0),
    *(stepped("denoise", step) for step in range(4)),
    stepped("decode", 3),
    stepped("save", 3),
]


def test_every_event_of_a_render_lies_further_than_the_one_before() -> None:
    course = [*SILENT_STAGES.values(), *(position(event) for event in COURSE), progress_total(3)]
    assert course == sorted(set(course))


def test_a_stage_is_said_in_words() -> None:
    assert [stage_words(event) for event in COURSE[3:7]] == ["denoise 1/3", "denoise 2/3", "denoise 3/3", "decode"]
