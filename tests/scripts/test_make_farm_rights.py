"""The page of the farm says of each role what the broker holds it to."""

from scripts.make_farm_rights import DOCUMENT, page


def test_the_table_of_rights_is_that_of_the_broker() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert page(text) == text, "write it anew: .venv/bin/python -m scripts.make_farm_rights"
