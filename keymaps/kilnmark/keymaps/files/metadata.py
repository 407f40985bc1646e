"""What trainers write into a file's metadata, under one set of names: who made it, from which base, how long, for
which words.

Nothing here is trusted. Every text is cut, every list is bounded, and an entry that cannot be understood stays what
it is: one of the file's own entries, shown as it stands.

    kohya, musubi-tuner  ss_* (sd-scripts, train_network.py) and modelspec.* (library/sai_model_spec.py)
    ai-toolkit           software, training_info, name (toolkit/metadata.py, BaseSDTrainProcess.py)
    OneTrainer           ot_revision, ot_config and modelspec.* (DtypeModelSaverMixin.py)
    diffusers, PEFT      lora_adapter_metadata, PEFT's config as flat JSON (_pack_dict_with_prefix)
    mflux                mflux_version, model (training_adapter)
    mlx-examples         lora_rank, lora_blocks (flux/dreambooth.py)
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, TypeVar

import msgspec

from kilnmark.protocol.wire.inspection import CaptionTag, Metadata

__all__ = ["ENTRY_LIMIT", "PEFT_METADATA", "TEXT_LIMIT", "read_metadata"]

PEFT_METADATA = "lora_adapter_metadata"
"""The entry that PEFT's config rides in."""

TEXT_LIMIT = 300
"""Characters kept of one text; captions and thumbnails in real files have megabytes."""
ENTRY_LIMIT = 100
"""Entries kept of one file; kohya's have about ninety."""
_LIST_LIMIT = 20
_COUNT_LIMIT = 2**31

T = TypeVar("T")
_Count = Annotated[int, msgspec.Meta(ge=0, le=_COUNT_LIMIT)]
_REPEATED = re.compile(r"\d+_(.+)", re.DOTALL)
"""A folder of kohya's: how often its pictures are repeated, then the words they are trained under."""


class _Software(msgspec.Struct):
    name: str = ""
    version: str = ""


class _TrainingInfo(msgspec.Struct):
    step: _Count | None = None
    epoch: _Count | None = None


class _OneTrainerConfig(msgspec.Struct):
    base_model_name: str = ""
    model_type: str = ""
    epochs: _Count | None = None


class _Subset(msgspec.Struct):
    class_tokens: str | None = None
    is_reg: bool | None = None


class _Dataset(msgspec.Struct):
    subsets: list[_Subset] = []


_TagsByFolder = dict[str, dict[str, _Count]]


def read_metadata(entries: Mapping[str, str]) -> Metadata:
    """Gather what the known trainers record.

    Args:
        entries: A header's `__metadata__`, of any size.
    """
    info = _decoded(entries, "training_info", _TrainingInfo) or _TrainingInfo()
    config = _decoded(entries, "ot_config", _OneTrainerConfig) or _OneTrainerConfig()
    tags = _decoded(entries, "ss_tag_frequency", _TagsByFolder) or {}
    return Metadata(
        trainer=_cut(_trainer(entries)),
        title=_first(entries, "modelspec.title", "ss_output_name", "name"),
        base_model=_cut(config.base_model_name)
        or _first(entries, "ss_sd_model_name", "base_model", "model")
        or _cut(_peft_base_model(entries)),
        architecture=_first(entries, "modelspec.architecture", "ss_base_model_version") or _cut(config.model_type),
        trigger_words=_bounded(_trigger_words(entries, tags)),
        training_steps=_number(entries.get("ss_steps")) if info.step is None else info.step,
        epochs=_either(_number(entries.get("ss_epoch")), info.epoch, config.epochs),
        caption_tags=_most_frequent(tags),
        entry_count=len(entries),
        entries={_cut(name): _cut(value) for name, value in islice(entries.items(), ENTRY_LIMIT)},
    )


def _trainer(entries: Mapping[str, str]) -> str:
    if (software := _decoded(entries, "software", _Software)) and software.name:
        return f"{software.name} {software.version}".strip()
    if "ot_revision" in entries or "ot_branch" in entries:
        return f"OneTrainer {_first(entries, 'ot_revision')}".strip()
    if "mflux_version" in entries:
        return f"mflux {_first(entries, 'mflux_version')}".strip()
    if network := _first(entries, "ss_network_module"):
        return f"kohya ({network})"
    if version := _first(entries, "modelspec.implementation_version", "software"):
        return version
    if PEFT_METADATA in entries:
        return "PEFT"
    return "mlx-examples" if {"lora_rank", "lora_blocks"} <= entries.keys() else ""


def _peft_base_model(entries: Mapping[str, str]) -> str:
    """PEFT's field, under the component's name or under none."""
    fields = _decoded(entries, PEFT_METADATA, dict[str, Any]) or {}
    named = (value for name, value in fields.items() if name.rpartition(".")[2] == "base_model_name_or_path")
    return next((value for value in named if isinstance(value, str) and value), "")


def _trigger_words(entries: Mapping[str, str], tags: _TagsByFolder) -> Iterator[str]:
    """A folder's name counts only where its captions bear it out: `10_img` is no trigger."""
    yield _text(entries, "modelspec.trigger_phrase")
    for dataset in _decoded(entries, "ss_datasets", list[_Dataset]) or ():
        for subset in dataset.subsets:
            if not subset.is_reg:
                yield subset.class_tokens or ""
    for folder, counts in tags.items():
        if (named := _REPEATED.fullmatch(folder)) and any(tag.strip() == named[1].strip() for tag in counts):
            yield named[1]


def _most_frequent(tags: _TagsByFolder) -> tuple[CaptionTag, ...]:
    total: Counter[str] = Counter()
    for counts in tags.values():
        for tag, count in counts.items():
            total[tag.strip()] += count
    return tuple(CaptionTag(_cut(tag), count) for tag, count in total.most_common(_LIST_LIMIT) if tag)


def _decoded(entries: Mapping[str, str], name: str, kind: type[T]) -> T | None:
    """An entry that is JSON of a known form; None when it is missing or anything else."""
    text = entries.get(name)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _text(entries: Mapping[str, str], name: str) -> str:
    """An entry as it stands; what Python wrote for a missing value is missing."""
    value = entries.get(name, "").strip()
    return "" if value in ("None", "null") else value


def _first(entries: Mapping[str, str], *names: str) -> str:
    return next((_cut(value) for name in names if (value := _text(entries, name))), "")


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > len(str(_COUNT_LIMIT)):
        return None
    return int(text)


def _either(*numbers: int | None) -> int | None:
    return next((number for number in numbers if number is not None), None)


def _bounded(words: Iterable[str]) -> tuple[str, ...]:
    """Each word once, in the order they come."""
    found = dict.fromkeys(_cut(word.strip()) for word in words if word.strip())
    return tuple(islice(found, _LIST_LIMIT))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}... ({len(text)} characters)"
