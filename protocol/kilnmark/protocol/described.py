"""What the fields of a model are for: the docstrings below them, read from its source when somebody asks.

pydantic can read them too, but does so whenever the class is made, which each start of a daemon would pay for. Who
explains settings or writes a schema asks here; what fields are and what they take stays with the models.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

__all__ = ["describe", "descriptions"]


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field of a class and of those it is made from, by the field's name.

    Raises:
        OSError: Its source is not there.
    """
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            found |= _below_fields(part)
    return found


def describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Write them into the JSON Schema of a model; pydantic calls it as its `json_schema_extra`."""
    for name, text in descriptions(model).items():
        schema["properties"][model.model_fields[name].alias or name]["description"] = text


@cache
def _below_fields(cls: type) -> Mapping[str, str]:
    """Read once: the whole file is parsed to find one class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    made = next(each for each in tree.body if isinstance(each, ast.ClassDef))
    texts: dict[str, str] = {}
    for field, below in zip(made.body, made.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = inspect.cleandoc(text)
            case _:
                pass
    return MappingProxyType(texts)
