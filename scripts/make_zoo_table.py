"""Writes the table of `docs/conventions.md` from a run of the zoo: every file is made at full depth, read and judged.

Run it after a change of a convention: `python scripts/make_zoo_table.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.safefile import read_header
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.zoo import EXHIBITS, Exhibit, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge

DOCUMENT = Path(__file__).parent.parent / "docs" / "conventions.md"
BEGIN, END = "<!-- zoo: begin -->\n", "<!-- zoo: end -->\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One exhibit, as it was judged."""

    name: str
    variant: str
    convention: str
    keys: str
    targets: str
    verdict: Verdict
    reason: str

    def __str__(self) -> str:
        cells = (self.name, self.variant, self.convention, self.keys, self.targets, self.verdict.value, self.reason)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Put a new table between the marks."""
    rows = [row(exhibit) for exhibit in EXHIBITS]
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + BEGIN + table(rows) + END + after, encoding="utf-8")


def table(rows: list[Row]) -> str:
    """The whole table, as it stands between the marks."""
    head = "| file | model | convention | keys | targets | verdict | reason |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(f"{line}\n" for line in rows)


def row(exhibit: Exhibit) -> Row:
    """Make, read and judge one exhibit, in a folder of its own."""
    with TemporaryDirectory() as folder:
        path = write_exhibit(Path(folder) / "exhibit.safetensors", exhibit, dtype="F16")
        try:
            return judged(exhibit, read_adapter(path, load_shapes(exhibit.variant)))
        except RefusedFile as error:
            return refused(exhibit, error)


def judged(exhibit: Exhibit, adapter: Adapter) -> Row:
    """The row of a file that could be read."""
    found = judge(evidence(adapter, 1.0))
    return Row(
        name=exhibit.name,
        variant=exhibit.variant,
        convention=_told(adapter.convention, adapter.share),
        keys=f"{adapter.matched_key_count} of {adapter.total_key_count}",
        targets=str(found.changed_target_count),
        verdict=found.verdict,
        reason=found.reason,
    )


def refused(exhibit: Exhibit, error: RefusedFile) -> Row:
    """The row of a file that was refused; its convention and keys are told as far as its header can be read."""
    where = f"`{error.key}`: " if error.key else ""
    convention, keys = _header(error.path)
    reason = f"{where}{error.problem}; {error.mend}"
    return Row(exhibit.name, exhibit.variant, convention, keys, "0", Verdict.REFUSED, reason)


def _header(path: str) -> tuple[str, str]:
    try:
        names = tuple(read_header(path).tensors)
    except RefusedFile:
        return "", ""
    ranking = recognise(names)
    return _told(ranking[0].convention.name, ranking[0].share) if ranking else "", f"0 of {len(names)}"


def _told(convention: str, share: float) -> str:
    return f"{convention} ({share:.0%})" if convention else ""


if __name__ == "__main__":
    main()
