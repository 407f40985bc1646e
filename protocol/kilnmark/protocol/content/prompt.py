"""How the words of a prompt are put together: the caller's own, with the style's triggers, tags and suffix."""

import re
from collections.abc import Mapping, Sequence

__all__ = ["final_prompt", "with_tag_overrides"]

_SENTENCE_ENDS = (".", "!", "?", ":", ";", "\u2026")


def final_prompt(prompt: str, triggers: Sequence[str], positive_suffix: str | None) -> str:
    """Triggers, prompt and suffix, in this order, with a comma between them where no sentence ends."""
    text = ""
    for part in (*triggers, prompt, positive_suffix or ""):
        bare = part.strip().strip(",").strip()
        if bare:
            text = f"{text}{_between(text)}{bare}"
    return text


def with_tag_overrides(prompt: str, overrides: Mapping[str, str] | None) -> str:
    """The prompt with each tag as this style says it; no tag is blank.

    A tag is a word or phrase; it counts wherever it stands whole, in any case and with any white space in it. Of two
    tags that could stand at one place the longer counts, and what was put in is not looked at again.
    """
    if not overrides:
        return prompt
    longest_first = sorted(overrides, key=lambda tag: len(" ".join(tag.split())), reverse=True)
    phrases = (r"\s+".join(map(re.escape, tag.split())) for tag in longest_first)
    pattern = "|".join(f"({phrase})" for phrase in phrases)
    found = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
    return found.sub(lambda match: overrides[longest_first[(match.lastindex or 1) - 1]], prompt)


def _between(text: str) -> str:
    if not text:
        return ""
    return " " if text.endswith(_SENTENCE_ENDS) else ", "
