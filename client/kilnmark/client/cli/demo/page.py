"""The demonstration as one page beside its pictures, for a browser: what each stack painted, and what was found of it.

Nothing is judged here; the sheet shows the same to whoever only looks at pictures.
"""

from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from kilnmark.client.cli.demo.exhibits import DemoResult
from kilnmark.keymaps.files.atomic import written_whole

__all__ = ["write_page"]


def write_page(result: DemoResult, path: Path) -> Path:
    """Write it.

    Args:
        result: What the demonstration found; its pictures lie in the page's folder, or below.
        path: Where to; an existing file is replaced.
    """
    from jinja2 import Environment, StrictUndefined

    source = (files("kilnmark.client.cli.demo") / "page.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    page = template.render(
        result=result,
        headline=_headline(result),
        name_of=lambda picture: quote(Path(picture).relative_to(path.parent).as_posix()),
    )
    with written_whole(path) as file:
        file.write(page.encode())
    return path


def _headline(result: DemoResult) -> str:
    if not result.holds:
        return "this is not what should have come out"
    return f"{sum(finding.is_caught for finding in result.findings)} dead adapters, and each was caught"
