"""The content packs: whether each genre and world can be read, and what is wrong with some."""

from collections.abc import Iterator
from pathlib import Path

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.protocol.wire.status import PacksInfo

__all__ = ["look_at_packs"]

_SHOWN = 5
_MEND = "mend the documents; `kilnmark style compose` shows what one comes to"


def look_at_packs(patient: Patient) -> Iterator[Observation]:
    """As the daemon that runs has them, else as one would read them."""
    if patient.status is not None:
        yield from _told(patient.status.packs)
    elif patient.settings is not None and patient.can_serve:
        if patient.settings.packs is None:
            yield ok("packs", "none, so that no render can name a genre")
        else:
            yield from _read(patient.settings.packs)


def _told(packs: PacksInfo | None) -> Iterator[Observation]:
    if packs is None:
        yield ok("packs", "none, so that no render can name a genre")
        return
    yield from _counted(packs.folder, packs.genres, packs.worlds)
    yield from _problems([str(problem) for problem in packs.problems], packs.problem_count)
    if packs.kept:
        found = f"{', '.join(packs.kept)}: as before an edit that broke them"
        yield warning("packs", found, _MEND)


def _read(folder: Path) -> Iterator[Observation]:
    from kilnmark.client.pack_files import PackFolder
    from kilnmark.protocol.content.packs import load_pack, pack_names, refuse_genre
    from kilnmark.protocol.content.problems import Problem, UnusableContent

    files, problems = PackFolder(folder), dict[Problem, None]()
    try:
        refuse_genre(files)
        names = pack_names(files)
    except UnusableContent as error:
        yield fault("packs", str(error), "mend that, or name another folder with --packs")
        return
    for genre, world in names:
        try:
            problems |= dict.fromkeys(load_pack(files, genre, world).problems)
        except UnusableContent as error:
            problems |= dict.fromkeys(error.problems)
    genres = sum(world is None for _, world in names)
    yield from _counted(str(folder), genres, len(names) - genres)
    yield from _problems([str(problem) for problem in problems], len(problems))


def _counted(folder: str, genres: int, worlds: int) -> Iterator[Observation]:
    if genres:
        yield ok("packs", f"{folder}: {_count(genres, 'genre')}, {_count(worlds, 'world')}")
    else:
        yield warning(
            "packs",
            f"{folder} has no genre",
            "`kilnmark pack init` begins one: a folder with a visual_style.yaml in it",
        )


def _problems(first: list[str], count: int) -> Iterator[Observation]:
    for problem in first[:_SHOWN]:
        yield warning("packs", problem, _MEND)
    if count > _SHOWN:
        yield warning("packs", f"and {count - _SHOWN} problems more", _MEND)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
