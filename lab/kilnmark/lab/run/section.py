"""What every section of `run.toml` is: frozen, and without an entry that nobody knows."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Section", "Share"]

Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Some choices that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)
