"""The review served until it is told to stop. What is served is `app`'s part, how it is listened for the web room's."""

from collections.abc import Callable

from kilnmark.client.batch.review.app import Review, review_application
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.web.serving import serve_pages

__all__ = ["serve_review"]


def serve_review(review: Review, *, port: int, tell: Callable[[str], None]) -> None:
    """Serve the review of a folder until the process is told to stop.

    Args:
        review: What is reviewed.
        port: To listen on, on loopback alone; 0: a free one.
        tell: Is given the address to open, once the socket listens.

    Raises:
        BrokenManifest: The folder's manifest cannot be read.
        UnusableContent: Its decisions cannot be read.
        ServerNotInstalled: The packages of the extra are not there.
        PortTaken: The port cannot be had.
    """
    read_manifest(review.folder)
    review.files.read()
    serve_pages(lambda token, number: review_application(review, token, number), port=port, extra="review", tell=tell)
