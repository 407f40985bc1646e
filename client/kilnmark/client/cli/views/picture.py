"""One finished picture for people: what it says of itself, and how it compares to what can be made now."""

from collections.abc import Iterator

from rich.console import Console

from kilnmark.client.cli.views.tables import adapter_table, print_facts
from kilnmark.client.replays.recorded import RecordedPicture
from kilnmark.client.replays.replay import Replay
from kilnmark.protocol.picture.record import PictureRecord

__all__ = ["show_picture", "show_replay"]


def show_picture(out: Console, picture: RecordedPicture) -> None:
    """Its record: what it is, how it was made, and what each adapter changed."""
    record = picture.record
    rows = [("picture", picture.file), ("sha256", picture.sha256)]
    if not picture.whole:
        rows.append(("damaged", "a part of the file is not as it was written; its pixels may be others"))
    print_facts(out, [*rows, *_facts(record)])
    if record.loras:
        out.print(adapter_table(record.loras))
    if doubts := [(report.name, report.reason) for report in record.loras if report.is_in_doubt]:
        print_facts(out, doubts)


def _facts(record: PictureRecord) -> Iterator[tuple[str, str]]:
    if record.notice:
        yield "notice", record.notice
    yield "prompt", record.prompt
    if record.negative_prompt is not None:
        yield "not", record.negative_prompt
    if style := " / ".join(filter(None, (record.stack.genre, record.stack.world, record.tier))):
        yield "style", style
    yield "size", record.size_and_settings
    yield "seed", str(record.seed)
    base = record.base
    bits = "" if base.quantize is None else f", {base.quantize} bits"
    yield "base", f"{base.variant}, weights {base.fingerprint}"
    yield "computed", f"{base.numerics}, in {base.precision}{bits}, on {base.backend}"
    yield "made", f"{record.created}, by kilnmark {record.kilnmark_version}, mflux {base.mflux_version}"
    yield "job", record.job_id
    if record.trace_id:
        yield "trace", record.trace_id
    for warning in record.warnings:
        yield "warning", warning


def show_replay(out: Console, found: Replay) -> None:
    """What is not as it was, or how the two pictures compare."""
    rows = [("picture", found.file)]
    rows += [(f"{each.about} {each.name}", each.reason) for each in found.differences]
    rows += [("note", note) for note in found.notes]
    if found.differences:
        rows.append(("so", "it cannot be made again as it was; nothing was painted"))
    elif found.result is None:
        rows.append(("so", "base and adapters are what they were"))
    else:
        rows += [("again", found.result.image_path), ("so", _compared(found))]
    print_facts(out, rows)


def _compared(found: Replay) -> str:
    if found.same:
        return "the same, pixel for pixel"
    if found.pixels_moved is None:
        return "the two have different sizes"
    return f"they differ, by {found.pixels_moved:.3f} of 255 on average"
