"""The section of `run.toml` about its dataset; `plan` puts it beside the others."""

from typing import Annotated

from pydantic import Field

from kilnmark.lab.run.section import Section, Share

__all__ = ["DatasetPlan", "SourcePlan"]


class SourcePlan(Section):
    """Where some pictures of a dataset come from.

    Attributes:
        name: What the source is called.
        files: A pattern of their names below the dataset's folder, in which `*` stands for anything.
    """

    name: Annotated[str, Field(min_length=1)]
    files: Annotated[str, Field(min_length=1)]


class DatasetPlan(Section):
    """What is trained on, and what is asked of it.

    Attributes:
        path: Its folder, from the run's.
        size: Pixels: a trainer works at size x size, or at as many pixels in another shape.
        pairs: Fewest pairs of a picture and its caption; None: 150 for a style, 10 for a subject.
        most_pairs: Most of them; None: 40 for a subject, and any number for a style.
        small_share: The largest share of pictures with fewer pixels than a trainer works at.
        source_share: The largest share of pictures that may come from one source before it is warned of.
        sources: Where pictures come from, if neither folders nor names tell.
    """

    path: str
    size: Annotated[int, Field(ge=16)] = 1024
    pairs: Annotated[int, Field(ge=1)] | None = None
    most_pairs: Annotated[int, Field(ge=1)] | None = None
    small_share: Share = 0.1
    source_share: Share = 0.4
    sources: tuple[SourcePlan, ...] = ()
