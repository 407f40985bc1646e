"""What a daemon is started with: one frozen model, read once from one JSON document.

Nothing else in the daemon reads options; the environment's only say is OpenTelemetry's own variables.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from kilnmark.daemon.jobs.turn import Pace
from kilnmark.protocol.picture.catalog import STANDIN, VARIANTS
from kilnmark.protocol.wire.errors import KilnmarkError
from kilnmark.protocol.wire.work import Configure

__all__ = ["Settings", "SettingsError", "read_settings"]


class SettingsError(KilnmarkError):
    """The settings are not usable; every problem is named with its field."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        problem = f"{str(path)!r} is relative; give an absolute path"
        raise ValueError(problem)
    return path


def _is_base(name: str, place: str) -> bool:
    """Whether a name tells nothing else than what is in that place."""
    if not name or (Path(name).is_absolute() and name != place):
        return False
    if place in VARIANTS:
        return place in (name, STANDIN)
    return Path(place).is_absolute() and name != STANDIN


def _check_bases(bases: dict[str, str]) -> dict[str, str]:
    for name, place in bases.items():
        if not _is_base(name, place):
            problem = (
                f"{name!r}: {place!r} is no base; a place is an absolute directory, or {STANDIN!r}, "
                f"or one of {', '.join(VARIANTS)} under its own name"
            )
            raise ValueError(problem)
    directories = [place for place in bases.values() if place not in VARIANTS]
    for place in directories:
        if directories.count(place) > 1:
            problem = f"{place!r} has two names and would be held twice; keep one"
            raise ValueError(problem)
    return bases


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Patience = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Settings(BaseModel):
    """Everything one daemon is told at its start."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    socket: AbsolutePath
    """Where to listen. Its directory is made with mode 0700 when it is absent."""

    output_dir: AbsolutePath
    """Where pictures are written. Made when it is absent."""

    bases: Annotated[dict[str, str], AfterValidator(_check_bases)] | None = None
    """Bases that requests may name besides `variant` and `standin`: where each is, an absolute directory, `standin`, or
    a name of `catalog.VARIANTS` as its own place. None allows all of those names where `variant` is one that mflux
    fetches, since mflux may fetch then, and no other base where it is not."""

    variant: str = STANDIN
    """The base to hold from the start: a name of `bases` or of `catalog.VARIANTS`, or an absolute directory that mflux
    can load."""

    quantize: Literal[3, 4, 5, 6, 8] | None = None
    """Bits to quantize the linear layers of every base to, save the standin's, which are thin already. None keeps them
    as they are stored."""

    base_memory: Annotated[int, Field(ge=1)] | None = None
    """Bytes that all bases together may take; the least recently used leave before another is loaded. None: 85% of what
    the device recommends to use (Metal, CUDA), or of the machine's memory (CPU)."""

    lora_roots: tuple[AbsolutePath, ...] = ()
    """Directories that adapters are read from; nothing outside them is opened. Empty: no adapter is."""

    packs: AbsolutePath | None = None
    """The folder of content packs, which is an adapter root too. None: no render can name a genre."""

    beat_timeout: Seconds = 30.0
    """Seconds without a beat after which the worker counts as hung and is killed."""

    step_timeout: Seconds = 600.0
    """Seconds without progress in a render after which the worker counts as hung and is killed."""

    load_timeout: Seconds = 1800.0
    """Seconds the worker may take to make a base warm."""

    restart_delay_max: Seconds = 30.0
    """Longest pause before a lost worker is started again; the first is 0.2 seconds, and each doubles."""

    heartbeat_interval: Annotated[Seconds, Field(le=5)] = 2.5
    """Seconds between the heartbeats of a request that asked for them."""

    queue_limit: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Renders that may wait; one more is refused with -32001."""

    batch_delay: Patience = 30.0
    """Seconds for which younger renders may go before the eldest of their priority because their stack is on the base
    already, counted from the first that does. 0: every render has its turn by age, whatever the switches cost."""

    ageing: Patience = 300.0
    """Seconds after which a waiting render counts as one priority higher, and after as many again as two, so that a
    low one is painted however many high ones come. 0: it never does."""

    cache_bytes: Annotated[int, Field(ge=0)] = 2 << 30
    """Bytes of the pictures that may be the answer to an equal request again; beyond it the longest unused are
    forgotten, never deleted. 0: every request is painted."""

    adapter_cache_bytes: Annotated[int, Field(ge=0)] = 2 << 30
    """Bytes of adapters that the worker holds as they were read; beyond it the longest unused leave."""

    stack_cache_bytes: Annotated[int, Field(ge=0)] = 2 << 30
    """Bytes of stacks that each base holds ready to be put on again; beyond it the longest unused leave."""

    quiet_flush: Seconds = 0.05
    """Seconds of silence after which a complete JSON value is taken without its newline."""

    @field_validator("variant")
    @classmethod
    def _known_variant(cls, variant: str, info: ValidationInfo) -> str:
        bases = info.data.get("bases") or {}
        if variant not in bases and variant in bases.values() and variant not in VARIANTS:
            (name,) = (name for name, place in bases.items() if place == variant)
            problem = f"{variant!r} is in bases as {name!r}; give that name"
            raise ValueError(problem)
        if variant not in {**VARIANTS, **bases} and not Path(variant).is_absolute():
            problem = f"{variant!r} is neither one of {', '.join({**VARIANTS, **bases})} nor an absolute directory"
            raise ValueError(problem)
        return variant

    @field_validator("quantize")
    @classmethod
    def _quantizable(cls, quantize: int | None, info: ValidationInfo) -> int | None:
        variant = info.data.get("variant", "")
        if quantize is not None and (info.data.get("bases") or {}).get(variant, variant) == STANDIN:
            problem = "standin holds thin factors and cannot be quantized; leave quantize out"
            raise ValueError(problem)
        return quantize

    @property
    def variants(self) -> Mapping[str, str]:
        """Every base that a request may name, and where it is: `Configure.bases`."""
        named = self.bases
        if named is None:
            named = {name: name for name in VARIANTS} if self.variant in VARIANTS and self.variant != STANDIN else {}
        return {self.variant: self.variant, STANDIN: STANDIN, **named}

    @property
    def adapter_roots(self) -> tuple[Path, ...]:
        """Everywhere that adapters are read from."""
        return self.lora_roots if self.packs is None else (*self.lora_roots, self.packs)

    @property
    def pace(self) -> Pace:
        """How patient waiting renders must be."""
        return Pace(batch_delay=self.batch_delay, ageing=self.ageing)

    def worker_configuration(self) -> Configure:
        """What a worker is told of these settings."""
        return Configure(
            variant=self.variant,
            bases=dict(self.variants),
            base_memory=self.base_memory,
            quantize=self.quantize,
            output_dir=str(self.output_dir),
            lora_roots=[str(root) for root in self.adapter_roots],
            adapter_cache_bytes=self.adapter_cache_bytes,
            stack_cache_bytes=self.stack_cache_bytes,
        )


def read_settings(document: str) -> Settings:
    """Read the settings from JSON.

    Raises:
        SettingsError: one sentence that names every wrong field.
    """
    try:
        return Settings.model_validate_json(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'document'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        message = f"the settings are not usable: {problems}"
        raise SettingsError(message) from error
