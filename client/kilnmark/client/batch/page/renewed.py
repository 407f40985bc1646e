"""The review page written anew after decisions were made elsewhere: from a terminal, or in a review that is served."""

from pathlib import Path

from kilnmark.client.batch.page.page import PAGE, write_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.manifest import read_manifest

__all__ = ["renew_page"]


def renew_page(folder: Path, files: PicksFiles) -> str:
    """Write the page of a folder anew, where it has one.

    Returns:
        Why it could not be written, in a sentence; empty: it was, or there is none. What was decided stands elsewhere.

    Raises:
        BrokenManifest: The folder's manifest cannot be read.
    """
    if not (folder / PAGE).is_file():
        return ""
    try:
        write_page(folder, read_manifest(folder), files)
    except OSError as error:
        return f"the decision is kept, but the review page could not be written anew: {error}"
    return ""
