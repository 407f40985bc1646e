"""Write the table of `docs/settings.md` from the model of settings: `python -m scripts.make_settings_table`."""

from pathlib import Path

from kilnmark.client.cli.settings.options import shown_default
from kilnmark.client.cli.settings.sources import fields, variable_of
from kilnmark.protocol.described import descriptions
from kilnmark.protocol.settings import Settings

__all__ = ["DOCUMENT", "page"]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def page(text: str) -> str:
    """The page with a new table between the marks."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + _table() + END + rest.partition(END)[2]


def _table() -> str:
    rows = ["| name | option | variable | default | what it is |", "|---|---|---|---|---|"]
    texts = descriptions(Settings)
    for name, told in fields().items():
        field = Settings.model_fields[name]
        about = " ".join(texts[name].split()).replace("|", "\\|")
        default = shown_default(told, field.default)
        metavar = told.metavar.replace("|", "\\|")
        option = f"{told.option} {metavar}".rstrip()
        rows.append(f"| `{name}` | `{option}` | `{variable_of(name)}` | {default} | {about} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(page(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
