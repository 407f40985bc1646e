"""What the wire's fuzzer sends: lines that are nearly requests, drawn from a seed.

Most are requests of a real method with one or two things wrong: a value, a field, the envelope, some bytes, the cuts.
What becomes of them is `fuzz`'s part.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any, Final

__all__ = ["FIELDS", "META", "FuzzCase", "case_of", "cut"]

JOB_IDS: Final = ["a", "b", "c.d", "-", "x" * 64]
PATHS: Final = ["ink.safetensors", "dead.safetensors", "none.safetensors", "../../etc/passwd", "/etc/passwd", "."]

_INLINE: Final = {"data": "iVBORw0KGgo="}
_PICTURES: Final[list[Any]] = ["none.png", "../../etc/passwd", "/etc/passwd", ".", _INLINE, {"data": "%"}]

META: Final[dict[str, list[Any]]] = {
    "progressToken": ["t", 7, 0, "", None],
    "traceparent": ["00-" + "7" * 32 + "-" + "1" * 16 + "-01", "00-0-0-00", None],
    "tracestate": ["kiln=1", "", None],
    "attached": [True, False],
    "resumed": [True, False],
}

_NUMBERS: Final[dict[str, list[Any]]] = {
    "steps": [1, 2, 2.0, None],
    "guidance": [0, 3.5, 30, None],
    "width": [64, 128, None],
    "height": [64, 128, None],
}

_STYLE: Final[dict[str, list[Any]]] = {
    "genre": ["ash", "none", None],
    "world": ["mire", "none", None],
    "tier": ["landscape", "portrait", "none", None],
    "place": ["Reed Gate", "nowhere", None],
}

_EXTRAS: Final[dict[str, list[Any]]] = {
    "extra_loras": [[], [{"path": PATHS[0]}], [{"path": PATHS[1], "scale": 0.5, "block_scales": {"double": 0.3}}]],
}

FIELDS: Final[dict[str, dict[str, list[Any]]]] = {
    "ping": {},
    "status": {},
    "warm_up": {"variant": ["standin", "dev", None]},
    "render": {
        "prompt": ["a kiln", "tor", "\u00e9\u4e16\U0001f3fa", "a\nb\x00c"],
        **_NUMBERS,
        **_STYLE,
        "negative_prompt": ["fog", "", None],
        "variant": ["standin", "dev", None],
        "seed": [0, 7, 2**53 - 1, None],
        "lora_paths": [[], PATHS[:1], PATHS[:2], PATHS],
        "lora_scales": [[], [1.0], [0.5, -1], [1.0] * len(PATHS)],
        "lora_block_scales": [[], [{}], [{"double": 0.5}], [{"single.3-7": 0}, {}]],
        "init_image": [*_PICTURES, None],
        "strength": [0, 0.5, 1, None],
        "reference_images": [[], *([picture] for picture in _PICTURES), _PICTURES[:4]],
        **_EXTRAS,
        "on_mismatch": ["error", "warn"],
        "job_id": [*JOB_IDS, None],
        "priority": ["high", "normal", "low"],
        "cache": [True, False],
        "probe": [True, False],
        "draft": [True, False, {}, {"size": 64, "steps": 1}, None],
        "notify_url": ["https://example.org/told", "http://localhost:9/", "file:///etc/passwd", "//", "http://[", None],
    },
    "cancel": {"job_id": JOB_IDS, "reason": ["", "not wanted"]},
    "lora.inspect": {
        "lora_paths": [PATHS[:1], PATHS[:2], PATHS],
        "variant": ["dev", "none", None],
        "targets": [True, False],
    },
    "style.compose": {**_STYLE, **_EXTRAS, "prompt": ["", "a kiln"]},
    "jobs.list": {
        "cursor": [None, "", "5b302c5b302c302e302c305d2c305d", "zz"],
        "limit": [1, 3, 1000],
        "states": [[], ["done"], ["queued", "running", "failed"]],
        "genre": ["ash", "none", None],
        "world": ["mire", "none", None],
        "tier": ["landscape", None],
        "variant": ["standin", None],
        "adapter": ["ink", "0123ab", None],
        "verdict": ["engaged", "partial", "noop", "refused", None],
        "text": ["KILN", "\u4e16", "ink", None],
        "since": ["2026-11-28", "2020-01-01T00:00:00Z", "9999-12-31", "0001-01-01T00:00:00+14:00", "now", None],
        "until": ["9999-12-31", "0001-01-01", "2026-11-28T07:00", "2026-W48", "", None],
        "notify": [True, False],
    },
    "jobs.get": {"job_id": JOB_IDS},
    "jobs.move": {"job_id": JOB_IDS, "priority": ["high", "normal", "low"]},
    "jobs.watch": {"previews": [True, False]},
    "jobs.wait": {"job_id": JOB_IDS, "timeout": [0, 0.01, 1]},
    "notices.list": {},
    "notices.leave": {
        "notice_id": JOB_IDS,
        "notify_url": ["https://example.org/told", "http://localhost:9/", "//"],
        "batch": [
            {"kind": "poi", "state": "done", "out": "/o", "manifest": "/o/m", "page": "/o/p", "total": 3, "dead": 1},
            {"kind": "", "state": "ended"},
            {},
        ],
    },
    "shutdown": {"drain": [True, False]},
}
"""Every method, and good values of each of its fields; a test holds it complete."""

_STACK = ("lora_paths", "lora_scales", "lora_block_scales")

TOGETHER: Final[list[dict[str, Any]]] = [
    {},
    {"lora_paths": PATHS[:1], "lora_scales": [0.8]},
    {"lora_paths": PATHS[:2], "lora_scales": [1.0, 1.0], "on_mismatch": "warn"},
    {"lora_paths": PATHS[1:2], "lora_scales": [1.0]},
    {"lora_paths": PATHS[2:3], "lora_scales": [1.0]},
    {"lora_paths": PATHS[:1], "lora_scales": [1.0], "probe": True, "cache": False},
    {"lora_paths": PATHS[:1], "lora_scales": [1.0], "lora_block_scales": [{"double": 0.25, "single.0": 0}]},
    {"lora_paths": PATHS[:1], "lora_scales": [1.0], "lora_block_scales": [{"single.30-37": 1}], "on_mismatch": "warn"},
    {"genre": "ash", "tier": "landscape", "world": "mire"},
    {"genre": "ash", "tier": "landscape", "world": "fen"},
    {"genre": "ash", "tier": "portrait"},
    {"genre": "ash", "tier": "landscape", "extra_loras": [{"path": PATHS[0]}]},
    {"lora_paths": PATHS[:1], "lora_scales": [1.0], "extra_loras": [{"path": PATHS[1], "scale": 0.5}]},
]
"""What of a render goes together, so that many of them get far."""

REQUIRED: Final = {"notice_id", "notify_url", "batch", "prompt", "genre", "tier", "job_id", "lora_paths"}


class Raw(str):
    """Text that goes into the line as it is."""

    __slots__ = ()


JUNK: Final[list[Any]] = [
    None,
    True,
    -1,
    0,
    1,
    63,
    2**31,
    2**53,
    2**63,
    -(2**64),
    1.5,
    -0.0,
    1e308,
    "",
    " ",
    "x" * 300,
    "\u202e\ufeff",
    "\x00",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    ["x"] * 70,
    Raw("NaN"),
    Raw("-Infinity"),
    Raw("1e999"),
    Raw("01"),
    Raw("1E400"),
    Raw("-"),
    Raw("0." + "3" * 400),
    Raw("9" * 400),
    Raw('"\\ud800"'),
    Raw('"\\udc00\\ud800"'),
    Raw('"\\u0000"'),
    Raw('"\\x"'),
    Raw("'a'"),
    Raw("[" * 70 + "]" * 70),
    Raw('{"a":' * 40 + "1" + "}" * 40),
    Raw('{"a":1,"a":2}'),
    Raw('"' + "y" * 30_000 + '"'),
]


SIGNS: Final = (b"\x00", b"\xff", b"\n", b"\r", b'"', b"{", b"]", b"\\", b"\xef\xbb\xbf")


@dataclass(frozen=True)
class FuzzCase:
    """Bytes to send.

    Attributes:
        data: With their newlines, if they have any.
        wants: The ids whose replies must come, each once, whatever else does.
    """

    data: bytes
    wants: tuple[str, ...] = ()


def case_of(seed: int, number: int) -> FuzzCase:
    """One case: of a seed and a number always the same."""
    random = Random(f"{seed}/{number}")
    count = random.choice((1, 1, 1, 1, 1, 2, 5, 70))
    if count == 1 or random.random() < 0.3:
        parts = [_call(random, f"{number}.{i}") for i in range(min(count, 5))]
        text, wants = "\n".join(part for part, _ in parts), tuple(name for _, name in parts if name)
    else:
        parts = [_call(random, f"{number}.{i}") for i in range(count)]
        text = f"[{','.join(part for part, _ in parts)}]"
        is_whole = count <= 64 and all(name for _, name in parts)
        wants = tuple(name for _, name in parts) if is_whole else ()
    data = text.encode(errors="surrogatepass") + (b"\n" if random.random() < 0.97 else b"")
    if random.random() < 0.25:
        return FuzzCase(_mutated(random, data))
    return FuzzCase(data, wants if data.endswith(b"\n") else ())


def cut(random: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces, as a socket may deliver them."""
    places = sorted(random.randrange(len(data) + 1) for _ in range(random.choice((0, 0, 0, 1, 3))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _call(random: Random, name: str) -> tuple[str, str]:
    """The text of a request, and its id where a reply to it must come."""
    method = random.choice([*FIELDS, "render", "render", "jobs.wait"])
    params, is_raw = _params(random, method)
    envelope: dict[str, Any] = {"jsonrpc": "2.0", "id": name, "method": method, "params": params}
    if random.random() < 0.2:
        envelope["params"] = [params]
    is_whole = not is_raw
    if random.random() < 0.15:
        is_whole = False
        _spoil(random, envelope)
    return _text(envelope), name if is_whole else ""


def _spoil(random: Random, envelope: dict[str, Any]) -> None:
    match random.randrange(4):
        case 0:
            envelope.pop(random.choice(list(envelope)))
        case 1:
            envelope[random.choice(list(envelope))] = random.choice(JUNK)
        case 2:
            envelope[random.choice(("extra", "result", "error", ""))] = random.choice(JUNK)
        case _:
            note = {"requestId": random.choice([envelope["id"], 1, *JUNK]), "reason": random.choice(["", *JUNK])}
            other = ("$/cancelRequest", {"id": note["requestId"]})
            envelope["method"], envelope["params"] = random.choice((("notifications/cancelled", note), other))
            envelope.pop("id")


def _params(random: Random, method: str) -> tuple[dict[str, Any], bool]:
    """Parameters, most of them good, and whether something in them may be no JSON."""
    fields = FIELDS[method]
    params = {
        name: random.choice(values) for name, values in fields.items() if name in REQUIRED or random.random() < 0.2
    }
    if method == "render" and random.random() < 0.85:
        params = {name: value for name, value in params.items() if name not in (*_STYLE, *_STACK)}
        params |= random.choice(TOGETHER)
        params["job_id"] = random.choice((None, f"j{random.random()}", *JOB_IDS))
    if random.random() < 0.3:
        params["_meta"] = {name: random.choice(values) for name, values in META.items() if random.random() < 0.4}
    used: list[Any] = []
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        used.append(deepcopy(random.choice(JUNK)))
        where = params["_meta"] if "_meta" in params and random.random() < 0.3 else params
        where[random.choice([*fields, *fields, *META, "_meta", "nothing"])] = used[-1]
        if not isinstance(params.get("_meta", {}), dict):
            break
    return params, any(isinstance(value, Raw) for value in used)


def _text(value: Any) -> str:
    match value:
        case Raw():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_text(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=len(str(value)) % 2 == 0)


def _mutated(random: Random, data: bytes) -> bytes:
    """Some bytes flipped, doubled, left out or put in."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        place = random.randrange(len(found) + 1)
        match random.randrange(4):
            case 0 if place < len(found):
                found[place] ^= 1 << random.randrange(8)
            case 1:
                found[place:place] = random.choice(SIGNS)
            case 2:
                found[place : place + random.randrange(1, 40)] = b""
            case _:
                found[place:place] = found[place : place + random.randrange(1, 40)]
    return bytes(found)
