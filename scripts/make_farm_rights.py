"""Write the table of rights of `docs/farm.md` from that of the broker: `python -m scripts.make_farm_rights`."""

from pathlib import Path

from kilnmark.farm.broker.rights import rights_table

__all__ = ["DOCUMENT", "page"]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "farm.md"
BEGIN, END = "<!-- rights: begin -->\n", "<!-- rights: end -->\n"


def page(text: str) -> str:
    """The page with a new table between the marks."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + rights_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    DOCUMENT.write_text(page(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
