"""What a daemon is told of its telemetry, beside the standard `OTEL_` variables: a part of `settings`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kilnmark.protocol.told import Told

__all__ = ["ObservedSettings"]


class ObservedSettings(BaseModel):
    """How a daemon is observed. The first sentence of each field is its option's help."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    metrics_port: Annotated[
        Annotated[int, Field(ge=0, le=65535)] | None, Told("--metrics-port", "count", "PORT", "none")
    ] = None
    """Have Prometheus ask for metrics at this port of loopback. 0: one that is free, which the log names. None: metrics
    go where `OTEL_METRICS_EXPORTER` and its like say, or nowhere."""
