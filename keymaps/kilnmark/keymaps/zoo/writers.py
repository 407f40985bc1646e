"""Who writes adapter files: `writers.yaml`, checked field by field."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["Writer", "load_writers"]


class Writer(BaseModel):
    """One trainer or tool.

    Attributes:
        title: What people call it.
        home: Where it is found; empty for what has no one place.
        about: What must be known of it; a sentence without full stop.
        like: Names of exhibits of others that its files are equal to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    home: str = Field(default="", pattern=r"^(https://\S+)?$")
    about: str = ""
    like: tuple[str, ...] = ()


@cache
def load_writers() -> Mapping[str, Writer]:
    """Every writer by its key in the exhibits, in the order of the document."""
    text = (files("kilnmark.keymaps.zoo") / "writers.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Writer]).validate_python(yaml.safe_load(text))
