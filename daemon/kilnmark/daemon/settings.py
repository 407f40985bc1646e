"""What a daemon is started with: one frozen model, read once from one JSON document.

Nothing else in the daemon reads options; the environment's only say is OpenTelemetry's own variables.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kilnmark.daemon.turn import Pace
from kilnmark.protocol.catalog import VARIANTS
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.work import Configure

__all__ = ["Settings", "SettingsError", "read_settings"]


class SettingsError(KilnmarkError):
    """The settings are not usable; every problem is named with its field."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        problem = f"{str(path)!r} is relative; give an absolute path"
        raise ValueError(problem)
    return path


def _known_variant(variant: str) -> str:
    if variant not in VARIANTS and not Path(variant).is_absolute():
        problem = f"{variant!r} is neither one of {', '.join(VARIANTS)} nor an absolute directory"
        raise ValueError(problem)
    return variant


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

    variant: Annotated[str, AfterValidator(_known_variant)] = "standin"
    """The base to hold: a name of `catalog.VARIANTS`, or an absolute directory that mflux can load."""

    quantize: Literal[3, 4, 5, 6, 8] | None = None
    """Bits to quantize the base's linear layers to. None keeps them as they are stored."""

    lora_roots: tuple[AbsolutePath, ...] = ()
    """Directories that adapters are read from; nothing outside them is opened. Empty: no adapter is."""

    beat_timeout: Seconds = 30.0
    """Seconds without a beat after which the worker counts as hung and is killed."""

    step_timeout: Seconds = 600.0
    """Seconds without progress in a render after which the worker counts as hung and is killed."""

    load_timeout: Seconds = 1800.0
    """Seconds the worker may take to make its base warm."""

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

    quiet_flush: Seconds = 0.05
    """Seconds of silence after which a complete JSON value is taken without its newline."""

    @property
    def pace(self) -> Pace:
        """How patient waiting renders must be."""
        return Pace(batch_delay=self.batch_delay, ageing=self.ageing)

    def worker_order(self) -> Configure:
        """What a worker is told of these settings."""
        return Configure(
            variant=self.variant,
            quantize=self.quantize,
            output_dir=str(self.output_dir),
            lora_roots=[str(root) for root in self.lora_roots],
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
