"""What a daemon is told of its telemetry, beside the standard `OTEL_` variables: a part of `settings`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from kilnmark.protocol.told import AbsolutePath, Told
from kilnmark.protocol.wire.work import StepSpans

__all__ = ["LogFormat", "ObservedSettings", "Previews"]

LogFormat = Literal["text", "json"]
Previews = Literal["auto", "off"]


class ObservedSettings(BaseModel):
    """How a daemon is observed. The first sentence of each field is its option's help."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    metrics_port: Annotated[
        Annotated[int, Field(ge=0, le=65535)] | None, Told("--metrics-port", "count", "PORT", "none")
    ] = None
    """Have Prometheus ask for metrics at this port of loopback. 0: one that is free, which the log names. None: metrics
    go where `OTEL_METRICS_EXPORTER` and its like say, or nowhere."""

    trace_file: Annotated[AbsolutePath | None, Told("--trace-file", "path", "FILE", "none")] = None
    """Write traces to this file, as OTLP's JSON, beside wherever else they go. `kilnmark trace FILE` shows them. Beyond
    64 MiB it is put aside as `FILE.1`."""

    log_format: Annotated[LogFormat, Told("--log-format", "word", "text|json")] = "text"
    """Whether the log is for people or for programs. `json`: one object a line, with the job and the trace that it
    belongs to."""

    step_spans: Annotated[StepSpans, Told("--step-spans", "word", "auto|on|off")] = "auto"
    """Whether each denoise step has a span in traces. `auto`: those that are no more than 100 a minute."""

    previews: Annotated[Previews, Told("--previews", "word", "auto|off")] = "auto"
    """Whether pictures of how far a render is are shown. `auto`: to those who watch and ask for them, as a hundredth of
    the time allows; none is computed while nobody does."""

    trace_prompts: Annotated[bool, Told("--trace-prompts", "flag", "")] = False
    """Let prompts stand on spans. Otherwise they leave the machine in no trace."""
