"""The page of what an operator sees is made of the definitions."""

from scripts.make_telemetry_page import DOCUMENT, page


def test_the_page_is_as_the_definitions_have_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert page(text) == text, "python -m scripts.make_telemetry_page"
