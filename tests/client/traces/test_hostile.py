"""Files of traces that are damaged, foreign, huge, or emptied while they are followed: no render of ours is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.traces import passing, spans
from kilnmark.client.traces.spans import RendersOfSpans
from tests.client.traces.test_spans import seen


def line(number: int, *, ended: object = "2500000000", **more: Any) -> str:
    """A render's own span alone, as one that came out of the picture cache has it."""
    ids = {"traceId": f"{number:032x}", "spanId": f"{number:016x}"}
    span = {"name": "flux_mlx.render", **ids, "startTimeUnixNano": "0", "endTimeUnixNano": ended, **more}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


NESTED = '{"arrayValue":{"values":[' * 5000 + "]}}" * 5000


@pytest.mark.parametrize(
    "odd",
    [
        line(2, ended="9" * 25),
        line(2, ended="9" * 400),
        line(2, ended=int("9" * 400)),
        line(2, ended=f"-{'9' * 18}"),
        line(2, attributes=[{"key": "a", "value": 7}]).replace("7}]", f"{NESTED}}}]"),
        '{"resourceSpans":' * 5000,
        line(
            2,
            attributes=[
                {"key": "render.lora.names", "value": {"arrayValue": {"values": [{"stringValue": "ink"}]}}},
                {"key": "render.lora.scales", "value": {"arrayValue": {"values": [{"doubleValue": int("9" * 400)}]}}},
            ],
        ),
    ],
    ids=["far", "farther", "a number", "before all time", "deep", "deep and cut off", "out of scale"],
)
def test_what_no_time_and_no_number_is_harms_no_other_render(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{line(1)}\n{odd}\n{line(3)}\n")
    traced = [render.trace_id[-1] for render in seen(path)]
    assert {"1", "3"} <= set(traced)


def test_no_render_of_a_long_file_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "WAITING", 10)
    path = tmp_path / "traces.jsonl"
    path.write_text("\n".join(line(number) for number in range(1, 26)))
    assert len(seen(path)) == 25


def test_what_is_looked_at_after_a_line_is_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []

    def look(family: object) -> bool:
        looked.append(family)
        return False

    monkeypatch.setattr(spans, "_is_whole", look)
    renders = RendersOfSpans()
    for number in range(1, 51):
        renders.take(line(number).encode(), 0.0)
        assert list(renders.whole(0.0)) == []
    assert len(looked) == 50


def test_a_line_without_an_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "_CHUNK", 64)
    monkeypatch.setattr(passing, "_LINE_BYTES", 1000)
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{line(1)}\n{'{' * 100_000}\n{line(2)}\n{'[' * 100_000}")
    assert [render.trace_id[-1] for render in seen(path)] == ["1", "2"]


def test_a_file_that_is_emptied_where_it_stands_is_followed_from_its_new_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_LOOK", 0.0)
    monkeypatch.setattr(spans, "PATIENCE", 0.0)
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{line(1)}\n{line(2)}\n")
    following = passing.of_file(path, follow=True, tell=lambda _: None)
    assert [next(following).trace_id[-1] for _ in range(2)] == ["1", "2"]
    path.write_text(f"{line(3)}\n")
    assert next(following).trace_id[-1] == "3"
