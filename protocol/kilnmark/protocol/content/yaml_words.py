"""What a plain word of a YAML document stands for, by the core schema of YAML 1.2
(https://yaml.org/spec/1.2.2/#103-core-schema), as editors have it and PyYAML, which keeps to 1.1, does not.
"""

import re

__all__ = ["plain_value"]

_NULL = re.compile(r"(?:|~|null|Null|NULL)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_WHOLE = re.compile(r"[-+]?[0-9]{1,400}\Z|0o[0-7]{1,400}\Z|0x[0-9a-fA-F]{1,400}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_ODD = re.compile(r"(?P<sign>[-+]?)\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")


def plain_value(text: str) -> bool | int | float | str | None:
    """What a word without quotes and without a tag stands for."""
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text[0] in "tT"
    if _WHOLE.match(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.match(text):
        return float(text)
    if odd := _ODD.match(text):
        return float("nan" if odd["sign"] is None else odd["sign"] + "inf")
    return text
