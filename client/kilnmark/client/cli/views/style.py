"""A composition as people read it: what would be painted, with which adapters, and what stands in the way."""

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.views.tables import VERDICT_COLOURS, plain, print_facts
from kilnmark.protocol.content.composition import ComposedLora, Composition
from kilnmark.protocol.picture.report import Verdict

__all__ = ["show_composition"]


def show_composition(out: Console, composition: Composition) -> None:
    """The picture's numbers and words first, then a row an adapter, in stack order; what is wrong comes last."""
    print_facts(out, list(_facts(composition)))
    if composition.loras:
        out.print(_adapters(composition))
        for lora in composition.loras:
            if reason := _reason(lora):
                told = f"{lora.name} is {lora.inspection.verdict.value}: {reason}"
                out.print(Text.assemble(("error: ", "bold red"), plain(told)), soft_wrap=True)
    for problem in composition.problems:
        out.print(Text.assemble(("error: ", "bold red"), plain(str(problem))), soft_wrap=True)
    for problem in composition.other_problems:
        out.print(Text.assemble(("problem: ", "bold yellow"), plain(str(problem))), soft_wrap=True)


def _facts(composition: Composition) -> Iterator[tuple[str, str]]:
    stack = composition.stack
    yield "style", " / ".join(filter(None, (stack.genre, stack.world, stack.tier)))
    if composition.place:
        meant = "no tag is meant for it" if composition.tag is None else f"tag {composition.tag!r}"
        yield "place", f"{composition.place} ({meant})"
    yield "variant", composition.variant
    yield "size", composition.size_and_settings
    yield "seed", "drawn for each picture" if composition.seed is None else str(composition.seed)
    yield "prompt", composition.prompt or "-"
    if composition.negative_prompt:
        yield "negative", composition.negative_prompt
    if stack.triggers:
        yield "triggers", ", ".join(stack.triggers)
    yield "adapters", ", ".join(stack.names) or "none"
    if stack.excluded:
        yield "excluded", ", ".join(stack.excluded)
    if composition.require_promoted:
        yield "required", "promoted adapters only"
    for warning in composition.warnings:
        yield "warning", warning


def _adapters(composition: Composition) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("adapter", overflow="fold")
    table.add_column("from", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    told = any(lora.promoted is not None for lora in composition.loras)
    if told:
        table.add_column("promoted", no_wrap=True)
    for heading in ("scale", "keys", "targets"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for lora in composition.loras:
        inspection = lora.inspection
        table.add_row(
            plain(lora.name),
            lora.level,
            Text(inspection.verdict.value, style=VERDICT_COLOURS[inspection.verdict]),
            *([_PROMOTED[lora.promoted]] if told else []),
            lora.scale_words,
            f"{inspection.matched_key_count}/{inspection.total_key_count}",
            f"{inspection.applied_target_count}/{inspection.target_count}",
            plain(lora.file),
        )
    return table


_PROMOTED = {None: "-", True: "yes", False: "no"}


def _reason(lora: ComposedLora) -> str:
    """Why an adapter would not engage; of a refused one, the sentence below the table says it."""
    return lora.inspection.reason if lora.inspection.verdict in (Verdict.NOOP, Verdict.PARTIAL) else ""
