"""Text that would do something if it were shown as it is, and what shows that it did nothing."""

from html.parser import HTMLParser

__all__ = ["EVERYTHING", "FILE_NAME", "HOSTILE", "NAME", "Tags", "acting", "forged"]

HOSTILE = {
    "colours": "\x1b[31;1m\x1b[2J",
    "a title": "\x1b]0;owned\x07",
    "a link": "\x1b]8;;http://e.invalid/\x1b\\click\x1b]8;;\x1b\\",
    "a clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "C1": "\x9b31m\x9d52;c;eA==\x9c\x90q\x9c",
    "backspaces": "ok\b\b\x7f\x7f",
    "a line": "\nforged: line\r\nforged: line\rforged: line\x0bforged: line\x0cforged: line",
    "odd line ends": "\u2028forged: line\u2029forged: line\x85forged: line",
    "direction": "\u202egnp.exe\u2066\u2069\u200f",
    "no width": "se\u200bed\u200d\ufeff\u2060\xad\U000e0041",
    "HTML": "<img src=x onerror=alert(1)>\"'><script>alert(1)</script><!--</title></style>&lt;b&gt;",
    "markup": "[bold red]x[/] [link=http://e.invalid/]x[/link] :smile:",
    "fields": 'x", Seed: 99, Steps: 99, Model: y, "Negative prompt: z',
    "a path": "../../../etc/passwd",
    "formats": "%s %n {0} {} $HOME $(id) `id` ${IFS}",
}
EVERYTHING = "".join(HOSTILE.values())

FILE_NAME = "".join(HOSTILE[kind] for kind in ("a clipboard", "C1", "a line", "direction", "no width")).replace("/", "")
"""As much of it as a file's name may have; it has 255 bytes at most."""

NAME = "".join(HOSTILE[kind] for kind in ("colours", "C1", "a path", "no width", "HTML"))[:195] + "\n"
"""As much of it as the name of an entry may have, which is 200 characters at most."""


def acting(text: str) -> str:
    """The characters of an output that are none to look at, save the ends of its own lines."""
    return "".join(sorted({c for c in text if not c.isprintable() and c != "\n"}))


def forged(text: str) -> list[str]:
    """The lines of an output that are none of its own."""
    return [line for line in text.splitlines() if line.lstrip().startswith("forged: line")]


class Tags(HTMLParser):
    """What a browser makes of a page.

    Attributes:
        seen: Every element with its attributes, by their names.
        text: All that is read.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
