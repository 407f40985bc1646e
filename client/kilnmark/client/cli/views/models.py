"""Models in words: the table of all, one in full, and a bar while one is fetched."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.doctor.engine import gigabytes
from kilnmark.client.cli.models.documents import ModelDocument, ModelsDocument, ModelState, PulledModel, RemovedModels
from kilnmark.client.cli.models.fit import MemoryNeed
from kilnmark.client.cli.views.tables import console, plain, print_facts
from kilnmark.protocol.printable import printable

__all__ = ["bytes_bar", "show_model", "show_models", "show_pulled", "show_removed"]

_HERE = {
    ModelState.HERE: "yes",
    ModelState.PARTIAL: "in part",
    ModelState.ABSENT: "no",
    ModelState.SHIPPED: "comes with it",
    ModelState.MADE_UP: "made up",
    ModelState.UNTOLD: "not known",
}


def show_models(out: Console, document: ModelsDocument) -> None:
    """A row each, and below it the memory and the disk that they share."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("model", "here", "size", "licence", "token", "fits"):
        table.add_column(heading, no_wrap=heading == "here", overflow="fold")
    for model in document.models:
        table.add_row(plain(_name(model)), _HERE[model.state], *_about(model), _fits(model))
    out.print(table)
    out.print()
    print_facts(out, _shared(document))


def _name(model: ModelDocument) -> str:
    """A directory's with its path, since a model of the catalog may be called the same."""
    own = model.path and not model.repository and model.state is not ModelState.SHIPPED
    return f"{model.name} ({model.path})" if own else model.name


def _shared(document: ModelsDocument) -> Iterator[tuple[str, str]]:
    if document.memory_bytes is None:
        yield "memory", f"not known: {document.memory_words}"
    else:
        yield "memory", f"{gigabytes(document.memory_bytes)} {document.memory_words}"
    yield "kept in", f"{document.cache}, {gigabytes(document.free_bytes)} free"
    if any(model.state is ModelState.PARTIAL for model in document.models):
        yield "in part", "`kilnmark models info NAME` says what is missing, `kilnmark models pull NAME` fetches that"


def show_model(out: Console, model: ModelDocument) -> None:
    """One in full: where it is from, what is here, and each form that its memory can have."""
    rows = [
        ("model", f"{model.name}, of {model.family}" if model.family else model.name),
        ("here", _HERE[model.state] + (f", {model.path}" if model.path else "")),
        *([("missing", model.problem)] if model.problem else []),
        *_size(model),
        *([("published", f"{model.repository} at {model.revision or 'its newest state'}")] if model.repository else []),
        *([("licence", _licence_in_full(model))] if model.licence or model.repository else []),
        *_published(model),
        *((_form(need), _need(need)) for need in model.memory),
        *([("counted", _counted(model))] if model.memory else []),
    ]
    print_facts(out, rows)


def show_pulled(out: Console, pulled: PulledModel) -> None:
    """What is here now, and how much of it came."""
    came = f"{gigabytes(pulled.fetched_bytes)} came over the network" if pulled.fetched_bytes else "it was here already"
    resumed = f", {gigabytes(pulled.resumed_bytes)} were kept of an earlier try" if pulled.resumed_bytes else ""
    rows = [
        ("model", f"{pulled.name}, whole: {pulled.files} files, {gigabytes(pulled.nbytes)}"),
        ("fetched", came + resumed),
        ("in", pulled.path),
        ("next", f"`kilnmark serve --variant {pulled.name}`"),
    ]
    print_facts(out, rows)


def show_removed(out: Console, document: RemovedModels) -> None:
    """What went, or would go."""
    verb = "removed" if document.removed else "to remove"
    rows = [(verb, f"{', '.join(document.names)}: {document.files} files, {gigabytes(document.freed_bytes)}")]
    if document.kept_bytes:
        rows.append(
            ("stays", f"{gigabytes(document.kept_bytes)} in the same folders that other models or programs use")
        )
    print_facts(out, rows)


def _published(model: ModelDocument) -> Iterator[tuple[str, str]]:
    if (said := model.published) is None:
        return
    licence = f", licence {said.licence}" if said.licence else ""
    missing = f"{gigabytes(said.missing_bytes)} still to fetch" if said.missing_bytes else "all of it is here"
    yield "the hub says", f"{said.files} files, {gigabytes(said.nbytes)}, {missing}{licence}"


def _size(model: ModelDocument) -> Iterator[tuple[str, str]]:
    if model.disk_bytes:
        yield "on disk", gigabytes(model.disk_bytes)
    elif model.at_least_bytes:
        yield (
            "to fetch",
            f"{gigabytes(model.at_least_bytes)} or more; `kilnmark models info {model.name} --online` asks",
        )


def _about(model: ModelDocument) -> Iterable[str | Text]:
    """Its size on the disk, here or to be; its licence, and whether that takes a token."""
    size = f"{gigabytes(model.at_least_bytes)} or more" if model.state is ModelState.ABSENT else ""
    yield gigabytes(model.disk_bytes) if model.disk_bytes else size
    yield plain(model.licence)
    yield "needed" if model.needs_token else ""


def _licence_in_full(model: ModelDocument) -> str:
    licence = model.licence or "not known here; its page says it"
    if not model.needs_token:
        return f"{licence}; no token is needed"
    token = {
        True: "a token is here",
        False: "there is no token here: `hf auth login`, or set $HF_TOKEN",
        None: "whether a token is here cannot be told",
    }[model.has_token]
    return f"{licence}; it is given to those alone who accepted it on its page, with a token; {token}"


def _fits(model: ModelDocument) -> str:
    if (need := model.advised) is not None:
        return f"{_form(need)}, {gigabytes(need.memory_bytes)}"
    if not model.memory:
        return "not known"
    if model.memory[0].fits is None:
        return f"takes {gigabytes(model.memory[0].memory_bytes)}"
    return f"no, {gigabytes(model.memory[-1].memory_bytes)} at least"


def _form(need: MemoryNeed) -> str:
    return "as it is" if need.quantize is None else f"{need.quantize} bits"


def _need(need: MemoryNeed) -> str:
    fits = {True: ", fits", False: ", does not fit", None: ""}[need.fits]
    return f"{gigabytes(need.memory_bytes)} of memory{fits}"


def _counted(model: ModelDocument) -> str:
    by = (
        "the headers of its weights" if model.counted_by == "headers" else "the catalog, since its weights are not here"
    )
    return f"by {by}; what is not quantized takes {model.number_bytes} bytes a number here"


@contextmanager
def bytes_bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show how far bytes have come while the block runs; where no terminal is, a line when another file is begun.

    The yielded function is given the file, the bytes that are here of everything, and how many that will be.
    """
    if not sys.stderr.isatty():
        yield _line_a_file()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, file="")

        def move(file: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, file=printable(file))

        yield move


def _line_a_file() -> Callable[[str, int, int], None]:
    err, told = console(stderr=True), [""]

    def move(file: str, done: int, total: int) -> None:
        if file != told[0]:
            told[0] = file
            err.print(plain(f"  {gigabytes(done)} of {gigabytes(total)}, now {file}"), soft_wrap=True)

    return move
