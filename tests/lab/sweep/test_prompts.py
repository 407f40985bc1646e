"""What is proposed for a new run: each role once, the trigger only where it belongs."""

import re
from pathlib import Path

import pytest

from kilnmark.lab.run.plan import LoraKind
from kilnmark.lab.sweep.prompts import TRIGGERED, proposed_prompts


@pytest.mark.parametrize("base", ["dev", "mini"])
@pytest.mark.parametrize("kind", ["style", "subject"])
def test_each_role_is_proposed_and_the_trigger_stands_where_it_is_called(kind: LoraKind, base: str) -> None:
    found = proposed_prompts(kind, "inkwash", base)
    assert [prompt.role for prompt in found] == ["familiar", "novel", "detail", "control", "nonsense"]
    assert {prompt.role for prompt in found if "inkwash" in prompt.text} == TRIGGERED
    assert [bool(prompt.questions) for prompt in found] == [False, False, True, False, False]


def test_a_style_that_is_always_on_has_no_prompt_without_it() -> None:
    found = proposed_prompts("style", "", "dev")
    assert [prompt.role for prompt in found] == ["familiar", "novel", "detail"]
    assert not [prompt.text for prompt in found if prompt.text.startswith(",")]


def test_a_base_that_knows_few_words_is_asked_for_these_alone() -> None:
    said = " ".join(prompt.text for prompt in proposed_prompts("style", "inkwash", "mini"))
    page = (Path(__file__).parents[3] / "docs" / "mini.md").read_text()
    table = page[page.index("| a creature") : page.index("What is not said, it chooses")]
    words = set(re.findall(r"[a-z]+", said)) - {"inkwash", "zqxvo"}
    assert words - set(re.findall(r"[a-z]+", table)) == set()


def test_a_nonsense_trigger_is_never_the_trigger() -> None:
    nonsense = proposed_prompts("subject", "zqxvo fox", "dev")[-1]
    assert "zqxvo" not in nonsense.text
