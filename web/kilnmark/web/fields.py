"""What programs and agents are told of fields that cannot be meant, before msgspec says it in words of its own.

What the fields are, and what a request asks for, is the rooms' part.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from kilnmark.protocol.content.problems import near_miss
from kilnmark.protocol.wire.errors import InvalidParams

__all__ = ["check_fields"]

_OF_RENDERS = {"lora_paths": "loras", "lora_scales": "loras", "extra_loras": "loras", "size": "width"}
"""What renders or other APIs call what has another name here."""


def check_fields(ask: type[msgspec.Struct], fields: Mapping[str, Any]) -> None:
    """Have a request name fields that there are, and adapters as objects.

    Args:
        ask: What the request should be.
        fields: As they came.

    Raises:
        InvalidParams: naming the first that cannot be meant, and what may be.
    """
    known = ask.__struct_encode_fields__
    for name in fields:
        if name in known:
            continue
        near = near_miss(name, known) or next((meant for meant in (_OF_RENDERS.get(name),) if meant in known), None)
        mend = f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"
        raise InvalidParams(f"Unknown parameter - at `$.params.{name[:100]}`; {mend}")
    loras = fields.get("loras")
    for number, lora in enumerate(loras if isinstance(loras, list) else []):
        if isinstance(lora, str):
            said = 'say {"path": "ink.safetensors", "scale": 0.8}'
            raise InvalidParams(f"a path alone is no adapter - at `$.params.loras[{number}]`; {said}")
