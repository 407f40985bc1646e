"""Flaws of single tensors: one is put into a healthy file, at a place that is drawn.

Each flaw says what is right: never `engaged`, unless the reason tells of it in one of the words that stand here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tests.trust.healthy import AdapterDrawn, Written
from tests.trust.storage import Stored, as_bytes, header_of, store

__all__ = ["OF_TENSORS", "Flaw", "Flawed", "pairs_only", "pick", "remade"]

Numbers = np.random.Generator


@dataclass(frozen=True)
class Flawed:
    """A file with one flaw.

    Attributes:
        content: Its bytes.
        place: What was spoilt, for people.
        told: Words, one of which must stand in the reason where the file is engaged; empty allows no engagement.
        variant: The model that it is read for; empty for the drawn one.
        file: Its name.
        beside: Other files of its folder.
        may_be_read: It is no flaw where every number is still read as it was: another word for an adapter's name.
    """

    content: bytes
    place: str
    told: str = ""
    variant: str = ""
    file: str = "flawed.safetensors"
    beside: Mapping[str, bytes] = field(default_factory=dict)
    may_be_read: bool = False


@dataclass(frozen=True)
class Flaw:
    """A kind of flaw; `make` gives None for a file that cannot have it."""

    name: str
    make: Callable[[AdapterDrawn, Numbers], Flawed | None]


_PLAIN = frozenset({"lora", "diagonal"})
_PRODUCTS = _PLAIN | {"loha", "lokr", "full"}
_BESIDE = frozenset({"alpha", "rescale", "diff_b", "lora_B.bias", "dora_scale", "lora_magnitude_vector", "magnitude"})
_MAGNITUDES = ("dora_scale", "lora_magnitude_vector", "magnitude")


def remade(drawn: AdapterDrawn, place: str, changed: Mapping[str, Stored | None], told: str = "") -> Flawed:
    """The file with some tensors in place of others; None takes one out."""
    tensors = {**drawn.tensors, **changed}
    left = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    return Flawed(as_bytes(header_of(left, drawn.metadata), left), place, told)


def pick(numbers: Numbers, things: Sequence[str]) -> str:
    return things[int(numbers.integers(len(things)))]


def _module(drawn: AdapterDrawn, numbers: Numbers, kinds: frozenset[str] = _PRODUCTS) -> Written | None:
    """One of the drawn file's, whose kind in the file is really of these."""
    fitting = [module for module in drawn.modules if _real_kind(module) in kinds]
    return fitting[int(numbers.integers(len(fitting)))] if fitting else None


def _real_kind(module: Written) -> str:
    """What stands for the module: kinds that a layer cannot have left a pair there."""
    for suffix, kind in (
        ("hada_w1_a", "loha"),
        ("oft_blocks", "oft"),
        ("oft_R.weight", "oft"),
        ("diff", "full"),
        ("diff_b", "bias"),
        ("lora_B.bias", "bias"),
    ):
        if suffix in module.keys:
            return "dora" if set(_MAGNITUDES) & module.keys.keys() else kind
    if any(suffix.startswith("lokr") for suffix in module.keys):
        return "lokr"
    return "dora" if set(_MAGNITUDES) & module.keys.keys() else "lora"


def pairs_only(drawn: AdapterDrawn) -> bool:
    return all(_real_kind(module) == "lora" for module in drawn.modules) and len(drawn.modules) > 0


def _matrices(module: Written) -> list[str]:
    return [key for suffix, key in module.keys.items() if suffix not in _BESIDE]


def _zeros(tensor: Stored) -> Stored:
    return Stored(tensor.dtype, tensor.shape, bytes(len(tensor.raw)), np.zeros(tensor.shape))


def _one_zero(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if (module := _module(drawn, numbers)) is None:
        return None
    key = pick(numbers, _matrices(module))
    return remade(drawn, key, {key: _zeros(drawn.tensors[key])})


def _all_zero(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if len(drawn.changes) != sum(len(module.unit.parts) for module in drawn.modules):
        return None
    if any(_real_kind(module) not in _PRODUCTS for module in drawn.modules):
        return None
    keys = [pick(numbers, _matrices(module)) for module in drawn.modules]
    return remade(drawn, "everywhere", {key: _zeros(drawn.tensors[key]) for key in keys})


def _untrained_dora(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """As PEFT saves it at step 0: up matrices zero, magnitudes those of the base."""
    if not drawn.modules or any(_real_kind(module) != "dora" for module in drawn.modules):
        return None
    if len(drawn.changes) != sum(len(module.unit.parts) for module in drawn.modules):
        return None
    ups = [drawn.hand.up, "hada_w2_a"]
    keys = [module.keys[suffix] for module in drawn.modules for suffix in ups if suffix in module.keys]
    return remade(
        drawn, "everywhere", {key: _zeros(drawn.tensors[key]) for key in keys}, "before training|untrained|zero"
    )


def _not_finite(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    keys = [name for name, tensor in drawn.tensors.items() if tensor.dtype != "F8_E4M3" and tensor.values.size > 1]
    if not keys:
        return None
    key = pick(numbers, sorted(keys))
    values = drawn.tensors[key].values.copy()
    values.flat[int(numbers.integers(values.size))] = numbers.choice([np.nan, np.inf, -np.inf])
    dtype = drawn.tensors[key].dtype
    with np.errstate(invalid="ignore"):
        spoilt = store(values, "F32" if dtype.startswith("F8") or dtype == "BF16" else dtype)
    return remade(drawn, key, {key: Stored(spoilt.dtype, drawn.tensors[key].shape, spoilt.raw, spoilt.values)})


def _missing_matrix(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    module = _module(drawn, numbers, _PRODUCTS | {"dora", "bias"})
    if module is None or len(_matrices(module)) < 2:
        return None
    key = pick(numbers, _matrices(module))
    return remade(drawn, key, {key: None})


def _missing_beside(drawn: AdapterDrawn, numbers: Numbers, suffixes: Sequence[str], told: str) -> Flawed | None:
    """One module of at least four has lost what all others have."""
    having = [module for module in drawn.modules if set(suffixes) & module.keys.keys()]
    if len(having) < 4 or len(having) < len(drawn.modules):
        return None
    module = having[int(numbers.integers(len(having)))]
    key = next(module.keys[suffix] for suffix in suffixes if suffix in module.keys)
    return remade(drawn, key, {key: None}, told)


def _missing_alpha(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if drawn.hand.alpha("", drawn.hand.rank) in {None, 0.0, float(drawn.hand.rank)} or not pairs_only(drawn):
        return None
    return _missing_beside(drawn, numbers, ("alpha",), "alpha")


def _missing_magnitude(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _missing_beside(drawn, numbers, _MAGNITUDES, "magnitude")


def _misspelt(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """One letter of one name is another."""
    module = _module(drawn, numbers, _PRODUCTS | {"dora", "bias", "oft"})
    if module is None:
        return None
    key = pick(numbers, list(module.keys.values()))
    places = [found.start() for found in re.finditer("[a-z]", key)]
    place = places[int(numbers.integers(len(places)))]
    name = key[:place] + str(numbers.choice([letter for letter in "xjzg" if letter != key[place]])) + key[place + 1 :]
    return replace(remade(drawn, f"{key} -> {name}", {key: None, name: drawn.tensors[key]}), may_be_read=True)


def _beyond(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """A module of a block that the model does not have."""
    module = _module(drawn, numbers, _PRODUCTS | {"dora", "bias", "oft"})
    if module is None or not module.unit.stack:
        return None
    renamed = re.sub(rf"(?<=[._]){module.unit.block}(?=[._])", str(numbers.integers(60, 999)), module.name, count=1)
    names = {key: renamed + key.removeprefix(module.name) for key in module.keys.values()}
    changed: dict[str, Stored | None] = dict.fromkeys(names)
    changed |= {names[key]: drawn.tensors[key] for key in names}
    return remade(drawn, renamed, changed)


def _other_shape(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """One matrix has a row or a column more, or less."""
    module = _module(drawn, numbers, _PLAIN | {"loha", "full", "dora", "bias"})
    if module is None:
        return None
    key = pick(numbers, _matrices(module))
    values, axis = drawn.tensors[key].values, int(numbers.integers(2))
    if values.shape[axis] > 1 and numbers.random() < 0.5:
        spoilt = np.delete(values, int(numbers.integers(values.shape[axis])), axis)
    else:
        spoilt = np.repeat(values, [2] + [1] * (values.shape[axis] - 1), axis)
    return remade(drawn, f"{key} {list(spoilt.shape)}", {key: store(spoilt, drawn.tensors[key].dtype)})


def _transposed(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    module = _module(drawn, numbers, _PLAIN | {"loha", "full", "dora", "bias"})
    if module is None:
        return None
    key = pick(numbers, _matrices(module))
    values = drawn.tensors[key].values
    if values.shape[0] == values.shape[1]:
        return None
    return remade(drawn, key, {key: store(values.T, drawn.tensors[key].dtype)})


def _times(tensor: Stored, factor: float) -> Stored:
    return store(tensor.values * factor, "F32")


def _one_tiny(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if len(drawn.changes) < 2 or (module := _module(drawn, numbers)) is None:
        return None
    key = pick(numbers, _matrices(module))
    return remade(drawn, key, {key: _times(drawn.tensors[key], 1e-28)}, "vanish|too small|tiny|nothing|weak")


def _all_scaled(drawn: AdapterDrawn, numbers: Numbers, factor: float, told: str) -> Flawed | None:
    if any(_real_kind(module) not in _PRODUCTS for module in drawn.modules):
        return None
    if len(drawn.changes) != sum(len(module.unit.parts) for module in drawn.modules):
        return None
    keys = [pick(numbers, _matrices(module)) for module in drawn.modules]
    return remade(drawn, "everywhere", {key: _times(drawn.tensors[key], factor) for key in keys}, told)


def _all_tiny(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _all_scaled(drawn, numbers, 1e-28, "vanish|too small|tiny|nothing|weak")


def _all_huge(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _all_scaled(drawn, numbers, 1e7, "strong|large|beyond")


def _part_dead(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """The rows of one layer of a fused module are zero."""
    fused = [m for m in drawn.modules if len(m.unit.parts) > 1 and _real_kind(m) == "lora"]
    if not fused:
        return None
    module = fused[int(numbers.integers(len(fused)))]
    key, dead = module.keys[drawn.hand.up], int(numbers.integers(len(module.unit.parts)))
    begin = sum(part.rows for part in module.unit.parts[:dead])
    values = drawn.tensors[key].values.copy()
    rows = values.T if drawn.hand.transposed else values
    rows[begin : begin + module.unit.parts[dead].rows] = 0
    return remade(drawn, module.unit.parts[dead].target, {key: store(values, drawn.tensors[key].dtype)})


def _with_alpha(drawn: AdapterDrawn, numbers: Numbers, value: float, told: str = "") -> Flawed | None:
    module = _module(drawn, numbers, _PLAIN | {"loha"})
    if module is None or "alpha" not in module.keys:
        return None
    return remade(drawn, f"{module.name}.alpha {value}", {module.keys["alpha"]: store(value, "F32")}, told)


def _alpha_zero(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if drawn.hand.alpha("", 1) == 0:
        return None
    return _with_alpha(drawn, numbers, 0.0, "alpha is 0" if drawn.writer.zero_is_rank else "")


def _alpha_absurd(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _with_alpha(drawn, numbers, float(numbers.choice([1e30, -1e30])), "strong|large|beyond")


def _alpha_not_finite(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    return _with_alpha(drawn, numbers, float(numbers.choice([np.nan, np.inf, -np.inf])))


def _alpha_of_two(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    module = _module(drawn, numbers, _PLAIN | {"loha"})
    if module is None or "alpha" not in module.keys:
        return None
    return remade(drawn, f"{module.name}.alpha", {module.keys["alpha"]: store([1.0, 2.0], "F32")})


def _no_numbers(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """Whole numbers where a matrix was: bytes of something else."""
    if (module := _module(drawn, numbers, _PRODUCTS | {"dora", "bias"})) is None:
        return None
    key = pick(numbers, _matrices(module))
    values = drawn.tensors[key].values
    raw = numbers.integers(0, 2, values.size, np.uint8).tobytes()
    return remade(drawn, key, {key: Stored(str(numbers.choice(["I8", "U8", "BOOL"])), values.shape, raw, values)})


def _mistaken_dtype(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """One module's 16 bits are of the other kind than its header says."""
    if (module := _module(drawn, numbers, _PLAIN)) is None:
        return None
    other = {"F16": "BF16", "BF16": "F16"}
    keys = _matrices(module)
    if any(drawn.tensors[key].dtype not in other for key in keys):
        return None
    changed: dict[str, Stored | None] = {}
    for key in keys:
        tensor = drawn.tensors[key]
        changed[key] = Stored(other[tensor.dtype], tensor.shape, tensor.raw, tensor.values)
    return remade(drawn, module.name, changed, "vanish|too small|tiny|nothing|weak|strong|large|beyond")


def _magnitudes_of_another(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    if (module := _module(drawn, numbers, frozenset({"dora"}))) is None:
        return None
    key = next(module.keys[suffix] for suffix in _MAGNITUDES if suffix in module.keys)
    return remade(drawn, key, {key: store(drawn.tensors[key].values.reshape(-1)[1:], "F32")})


def _tiled(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    """As a keymap writes it for mflux 0.13.0 to 0.18.1: slabgorb/orc-quest, version 2."""
    fused = [m for m in drawn.modules if len(m.unit.parts) > 1 and _real_kind(m) == "lora"]
    if not fused or drawn.hand.transposed:
        return None
    module = fused[int(numbers.integers(len(fused)))]
    key = module.keys[drawn.hand.down]
    tiled = np.tile(drawn.tensors[key].values, (len(module.unit.parts), 1))
    return remade(drawn, key, {key: store(tiled, drawn.tensors[key].dtype)})


def _of_nobody(drawn: AdapterDrawn, numbers: Numbers) -> Flawed | None:
    names = ("velvet.0.weight", "lora_te9_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "model.norm.scale_x")
    return remade(drawn, "one more", {pick(numbers, names): store(np.ones((2, 3)), "F32")})


OF_TENSORS = (
    Flaw("a matrix of zeros", _one_zero),
    Flaw("zeros everywhere", _all_zero),
    Flaw("DoRA before training", _untrained_dora),
    Flaw("a number that is not finite", _not_finite),
    Flaw("a matrix is missing", _missing_matrix),
    Flaw("an alpha is missing", _missing_alpha),
    Flaw("magnitudes are missing", _missing_magnitude),
    Flaw("a name is misspelt", _misspelt),
    Flaw("a block that is not there", _beyond),
    Flaw("a matrix of another size", _other_shape),
    Flaw("a matrix is transposed", _transposed),
    Flaw("an update that vanishes", _one_tiny),
    Flaw("all updates vanish", _all_tiny),
    Flaw("all updates are far too strong", _all_huge),
    Flaw("a layer of a fused module is dead", _part_dead),
    Flaw("an alpha of 0", _alpha_zero),
    Flaw("an alpha beyond all sense", _alpha_absurd),
    Flaw("an alpha that is not finite", _alpha_not_finite),
    Flaw("an alpha of two numbers", _alpha_of_two),
    Flaw("whole numbers for a matrix", _no_numbers),
    Flaw("16 bits of another kind", _mistaken_dtype),
    Flaw("magnitudes of another size", _magnitudes_of_another),
    Flaw("a tiled matrix", _tiled),
    Flaw("a tensor of nobody's", _of_nobody),
)
