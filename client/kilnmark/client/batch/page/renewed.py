"""The review page written anew after decisions were made elsewhere: from a terminal, or in a review that is served."""

import re
import time
from pathlib import Path

from kilnmark.client.batch.page.page import PAGE, write_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.manifest import read_manifest

__all__ = ["renew_page"]


def renew_page(folder: Path, files: PicksFiles) -> str:
    """Write the page of a folder anew, where it has one. A batch that is at work there does it itself.

    Returns:
        Why it could not be written, in a sentence; empty: it was, or there is none. What was decided stands elsewhere.

    Raises:
        BrokenManifest: The folder's manifest cannot be read.
    """
    try:
        page = (folder / PAGE).read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"the decision is kept, but the review page cannot be read: {error}"
    if _is_growing(page):
        return ""
    try:
        write_page(folder, read_manifest(folder), files)
    except OSError as error:
        return f"the decision is kept, but the review page could not be written anew: {error}"
    return ""


_GROWING = 60.0
"""Seconds for which a page is taken for that of a batch at work: three times as long as one waits at most to write."""


def _is_growing(page: bytes) -> bool:
    found = re.search(rb'<p class="running" id="running" data-written="(\d+)">', page)
    return found is not None and time.time() - int(found[1]) / 1000 < _GROWING
