"""The page of what is read: its tables are those of the zoo, every exhibit and every writer is there."""

from kilnmark.keymaps.zoo.writers import load_writers
from kilnmark.keymaps.zoo.zoo import EXHIBITS
from scripts.make_what_we_read import PAGE, made

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_zoo() -> None:
    assert made(TEXT) == TEXT, "run .venv/bin/python -m scripts.make_what_we_read"


def test_every_exhibit_has_a_row_and_every_writer_a_heading() -> None:
    assert [exhibit.name for exhibit in EXHIBITS if f"\n| `{exhibit.name}` |" not in TEXT] == []
    assert [writer.title for writer in load_writers().values() if f"\n### {writer.title}\n" not in TEXT] == []


def test_a_changed_word_is_seen() -> None:
    assert made(TEXT.replace("exact", "nearly")) != TEXT.replace("exact", "nearly")
