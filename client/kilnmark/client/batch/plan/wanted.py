"""The adapters that documents ask for, whoever's they are: a style's, or an entry's own. Each knows where it is named.

Nothing is looked for here; `adapters` has where they lie and what is to be said of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from kilnmark.client.batch.plan.subjects import Subject
from kilnmark.protocol.content.composed import ComposedStyle, final_prompt
from kilnmark.protocol.content.problems import Problem, UnusableContent

__all__ = ["WantedAdapter", "triggered", "wanted_by_entry", "wanted_by_style"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAdapter:
    """One adapter, as a document names it.

    Attributes:
        name: What reports call it.
        file: As it is written.
        scale: For all layers that `scales` has none for.
        scales: For some blocks, by their patterns.
        folder: That of the document, from the folder of packs.
        file_problem: Tells what is wrong with its file, where that is named.
        scale_problem, scales_problem: The same of its `scale`, and of its `scales`.
    """

    name: str
    file: str
    scale: float
    scales: Mapping[str, float]
    folder: str
    file_problem: Callable[[str], Problem] = field(repr=False, compare=False)
    scale_problem: Callable[[str], Problem] = field(repr=False, compare=False)
    scales_problem: Callable[[str], Problem] = field(repr=False, compare=False)


def wanted_by_style(style: ComposedStyle) -> list[WantedAdapter]:
    """The adapters of a composed style, in stack order."""
    return [
        WantedAdapter(
            name=adapter.entry.name,
            file=adapter.entry.file,
            scale=adapter.entry.scale,
            scales=adapter.entry.scales,
            folder=style.folder_of(adapter),
            file_problem=partial(style.file_problem, adapter),
            scale_problem=partial(style.scale_problem, adapter),
            scales_problem=partial(style.scales_problem, adapter),
        )
        for adapter in style.stack.adapters
    ]


def wanted_by_entry(subject: Subject, style: ComposedStyle) -> list[WantedAdapter]:
    """An entry's own adapters, in the order that they have behind those of its style.

    Raises:
        UnusableContent: One has a name that another of its stack has.
    """
    names = dict.fromkeys(style.stack.names, "the style's stack")
    wanted, problems = [], []
    for i, adapter in enumerate(subject.fields.loras):
        name = adapter.name or PurePosixPath(adapter.file).stem
        if name in names:
            message = f"{name!r} is a name already, in {names[name]}; give this one another `name`"
            problems.append(subject.written.problem(("loras", i, "name" if adapter.name else "file"), message))
        names[name] = "this entry"
        wanted.append(
            WantedAdapter(
                name=name,
                file=adapter.file,
                scale=adapter.scale,
                scales=adapter.scales,
                folder=str(Path(subject.file).parent),
                file_problem=partial(subject.written.problem, ("loras", i, "file")),
                scale_problem=partial(subject.written.problem, ("loras", i, "scale")),
                scales_problem=partial(subject.written.problem, ("loras", i, "scales")),
            )
        )
    if problems:
        raise UnusableContent(problems)
    return wanted


def triggered(subject: Subject, style: ComposedStyle) -> str:
    """An entry's words with the triggers of its own adapters before them, which those of its style have not said."""
    return final_prompt(subject.words, [each for each in _triggers(subject) if each not in style.stack.triggers])


def _triggers(subject: Subject) -> Iterator[str]:
    yield from dict.fromkeys(filter(None, ((adapter.trigger or "").strip() for adapter in subject.fields.loras)))
