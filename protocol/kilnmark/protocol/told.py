"""How people say one setting, and which values the simple kinds of them can have.

Which settings there are is `settings`' part; how their text is read, the command line's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kilnmark.protocol.notify import checked_hosts

__all__ = [
    "AbsolutePath",
    "Access",
    "Hosts",
    "Keep",
    "Kind",
    "Patience",
    "Pausing",
    "Promoted",
    "Seconds",
    "Size",
    "Told",
]

Kind = Literal[
    "path", "folder", "folders", "base", "bases", "bits", "word", "count", "seconds", "size", "flag", "hosts"
]
"""How the text of a value is read: `folder` and `folders` must be there, a `path` need not. The option of a `flag`
has no value: it says yes."""


@dataclass(frozen=True)
class Told:
    """How people say one field.

    Attributes:
        option: The option of `kilnmark serve`.
        kind: How its text is read.
        metavar: What stands for a value in the help.
        default: The default in words, where it is no value that the class could have.
    """

    option: str
    kind: Kind
    metavar: str
    default: str | None = None

    @property
    def is_list(self) -> bool:
        """Whether it has any number of values: the option is repeatable, a variable has them with a colon between, or
        hosts, which may have colons, with a comma.
        """
        return self.kind in ("folders", "bases", "hosts")


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        problem = f"{str(path)!r} is relative; give an absolute path"
        raise ValueError(problem)
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Hosts = Annotated[tuple[str, ...], AfterValidator(checked_hosts)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Keep = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
Patience = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=0)]
Access = Literal["owner", "group", "all"]
Pausing = Literal["none", "low", "all"]
Promoted = Literal["packs", "all"]
