"""How the words of a prompt are put together: the caller's own, never changed, between what the style adds."""

from collections.abc import Sequence

__all__ = ["final_prompt"]

_SENTENCE_ENDS = (".", "!", "?", ":", ";", "\u2026")


def final_prompt(prompt: str, triggers: Sequence[str], *behind: str | None) -> str:
    """Triggers, the prompt, and what goes behind it, in this order, with a comma where no sentence ends."""
    text = ""
    for part in (*triggers, prompt, *behind):
        bare = (part or "").strip().strip(",").strip()
        if bare:
            text = f"{text}{_between(text)}{bare}"
    return text


def _between(text: str) -> str:
    if not text:
        return ""
    return " " if text.endswith(_SENTENCE_ENDS) else ", "
