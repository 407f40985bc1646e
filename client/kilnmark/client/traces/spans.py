"""Lines of OTLP's JSON to renders: spans of any processes, in any order, put together by what they are children of.

The form is that of the OTLP File Exporter (OTLP 1.9), as `kilnmark serve --trace-file` and collectors write it. Spans
of others, metrics and logs are passed over. Where lines come from is not known here.
"""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from kilnmark.client.traces.seen import SeenAdapter, SeenRender
from kilnmark.otel import names

__all__ = ["RendersOfSpans"]

_PARTS: Final = {
    str(names.QUEUE): "queue",
    str(names.LOAD_MODEL): "load",
    str(names.ENCODE): "encode",
    str(names.DENOISE): "denoise",
    str(names.DECODE): "decode",
    str(names.SAVE): "save",
}

_SIGNALS: Final = frozenset({"resourceSpans", "resourceMetrics", "resourceLogs"})

WAITING: Final = 10_000
"""Renders that something may be missing of; beyond that the eldest are told as they are, or forgotten where their own
span has not come."""

PATIENCE: Final = 12.0
"""Seconds that the spans of other processes may take after the render's own: two batches of theirs."""


_Key = tuple[str, str]
"""Of a render: its trace, and its own span."""

_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
"""Whole numbers of OTLP."""


class _TracedSpan(msgspec.Struct, frozen=True):
    name: str
    span_id: str
    parent_id: str
    trace_id: str
    begun: int
    ended: int
    said: dict[str, Any]
    problem: str

    @property
    def seconds(self) -> float:
        return (self.ended - self.begun) / 1e9


class _Family:
    """A render's own span, and what is below it."""

    def __init__(self) -> None:
        self.own: _TracedSpan | None = None
        self.children: list[_TracedSpan] = []
        self.heard = 0.0


class RendersOfSpans:
    """Puts renders together out of lines as they come."""

    def __init__(self) -> None:
        self._families: OrderedDict[_Key, _Family] = OrderedDict()
        self._touched: set[_Key] = set()
        self._heard: OrderedDict[_Key, None] = OrderedDict()
        self._crowded: list[_Family] = []

    def take(self, line: bytes, now: float) -> None:
        """One line more.

        Args:
            line: It.
            now: When it was read, in seconds.

        Raises:
            msgspec.DecodeError: It is no JSON object of OTLP's; what came before and comes after is not touched.
        """
        try:
            document = msgspec.json.decode(line, type=dict[str, Any])
            if _SIGNALS.isdisjoint(document):
                raise msgspec.ValidationError("it has no resourceSpans")
            spans = list(_spans(document))
        except RecursionError as error:
            raise msgspec.DecodeError("it is nested too deeply") from error
        for span in spans:
            self._add(span, now)

    def whole(self, now: float) -> Iterator[SeenRender]:
        """The renders that nothing is missing of, or not for long any more, the eldest first.

        Args:
            now: In seconds, by the clock that `take` was told.
        """
        ready = [key for key in self._touched if (family := self._families.get(key)) and _is_whole(family)]
        self._touched.clear()
        for key in self._heard:
            if now - self._families[key].heard < PATIENCE:
                break
            ready.append(key)
        found = [*self._crowded, *(self._taken(key) for key in dict.fromkeys(ready))]
        self._crowded.clear()
        yield from sorted(map(_seen, found), key=lambda render: render.at)

    def rest(self) -> Iterator[SeenRender]:
        """All others whose own span came: nothing more comes."""
        yield from self.whole(float("inf"))

    def _add(self, span: _TracedSpan, now: float) -> None:
        is_own = span.name == names.RENDER
        if not is_own and span.name not in _PARTS and span.name != names.LORA_APPLY:
            return
        key = (span.trace_id, span.span_id if is_own else span.parent_id)
        family = self._families.setdefault(key, _Family())
        self._touched.add(key)
        if is_own:
            family.own, family.heard = span, now
            self._heard[key] = None
            self._heard.move_to_end(key)
        else:
            family.children.append(span)
        while len(self._families) > WAITING:
            eldest = self._taken(next(iter(self._families)))
            if eldest.own is not None:
                self._crowded.append(eldest)

    def _taken(self, key: _Key) -> _Family:
        self._heard.pop(key, None)
        return self._families.pop(key)


def _is_whole(family: _Family) -> bool:
    if family.own is None:
        return False
    said = family.own.said
    judged = sum(child.name == names.LORA_APPLY for child in family.children)
    if said.get(names.RENDER_SOURCE) != "painted" or said.get(names.RENDER_OUTCOME) != "done":
        return False
    saved = any(child.name == names.SAVE for child in family.children)
    return saved and judged >= _whole_number(said.get(names.LORA_STACK_SIZE))


def _seen(family: _Family) -> SeenRender:
    own = family.own
    assert own is not None  # noqa: S101 - `_is_whole` asked
    said, parts = own.said, dict[str, float]()
    for child in family.children:
        if (part := _PARTS.get(child.name)) is not None:
            parts[part] = round(parts.get(part, 0.0) + child.seconds, 6)
    if judged := [child for child in family.children if child.name == names.LORA_APPLY]:
        parts["adapters"] = (max(child.ended for child in judged) - min(child.begun for child in judged)) / 1e9
    width, height = _whole_number(said.get(names.RENDER_WIDTH)), _whole_number(said.get(names.RENDER_HEIGHT))
    style = "/".join(str(said[name]) for name in (names.RENDER_GENRE, names.RENDER_WORLD) if name in said)
    seed = said.get(names.RENDER_SEED)
    return SeenRender(
        at=datetime.fromtimestamp(own.ended / 1e9, UTC).isoformat(timespec="milliseconds"),
        job_id=str(said.get(names.RENDER_JOB_ID, "")),
        tier=str(said.get(names.RENDER_TIER, "")),
        variant=str(said.get(names.RENDER_VARIANT, "")),
        seed=_whole_number(seed) if seed is not None else None,
        size=f"{width}x{height}" if width and height else "",
        style=style,
        outcome=str(said.get(names.RENDER_OUTCOME, "failed" if own.problem else "done")),
        source=str(said.get(names.RENDER_SOURCE, "")),
        seconds=round(own.seconds, 6),
        parts=parts,
        steps=_whole_number(said.get(names.RENDER_STEPS)),
        adapters=_adapters(family, said),
        reason=own.problem,
        trace_id=own.trace_id,
        image_path=str(said.get(names.RENDER_IMAGE_PATH, "")),
    )


def _adapters(family: _Family, said: dict[str, Any]) -> list[SeenAdapter]:
    """As their own spans tell; where there are none, as much as the render's tells, which names the first dead one."""
    judged = sorted(
        (child for child in family.children if child.name == names.LORA_APPLY), key=lambda child: child.begun
    )
    if judged:
        return [
            SeenAdapter(
                name=str(child.said.get(names.LORA_NAME, "")),
                matched=_whole_number(child.said.get(names.LORA_MATCHED_KEY_COUNT)),
                total=_whole_number(child.said.get(names.LORA_TOTAL_KEY_COUNT)),
                verdict=str(child.said.get(names.LORA_VERDICT, "")),
                scale=_number(child.said.get(names.LORA_SCALE)),
            )
            for child in judged
        ]
    named, scales = said.get(names.LORA_NAMES), said.get(names.LORA_SCALES)
    if not isinstance(named, list):
        return []
    scales = scales if isinstance(scales, list) and len(scales) == len(named) else [None] * len(named)
    of_adapters, verdict = str(said.get(names.ERROR_TYPE, "")).partition("lora_")[1:]
    accused = family.own.problem.partition(": ")[0] if of_adapters and family.own is not None else ""
    return [
        SeenAdapter(name=str(name), scale=_number(scale), verdict=verdict if name == accused else "")
        for name, scale in zip(named, scales, strict=True)
    ]


def _spans(document: dict[str, Any]) -> Iterator[_TracedSpan]:
    for of_process in _list(document, "resourceSpans"):
        for of_library in _list(of_process, "scopeSpans"):
            for span in _list(of_library, "spans"):
                status = span.get("status")
                failed = isinstance(status, dict) and status.get("code") in (2, "STATUS_CODE_ERROR")
                yield _TracedSpan(
                    name=str(span.get("name", "")),
                    span_id=str(span.get("spanId", "")),
                    parent_id=str(span.get("parentSpanId", "")),
                    trace_id=str(span.get("traceId", "")),
                    begun=max(0, _whole_number(span.get("startTimeUnixNano"))),
                    ended=max(0, _whole_number(span.get("endTimeUnixNano"))),
                    said={str(pair.get("key", "")): _value(pair.get("value")) for pair in _list(span, "attributes")},
                    problem=str(status.get("message", "")) or "error" if failed and isinstance(status, dict) else "",
                )


def _list(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _value(value: object) -> object:
    """An `AnyValue`; whole numbers are texts in OTLP's JSON."""
    if not isinstance(value, dict):
        return None
    match next(iter(value.items()), ("", None)):
        case ("intValue", number):
            return _whole_number(number)
        case ("arrayValue", {"values": list(values)}):
            return [_value(each) for each in values]
        case (_, plain):
            return plain


def _whole_number(value: object) -> int:
    try:
        number = int(value) if isinstance(value, int | str) else 0
    except ValueError:
        return 0
    return number if _LEAST <= number <= _MOST else 0


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
