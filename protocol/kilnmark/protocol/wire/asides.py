"""What daemon and worker say to each other beside their work: what was measured, and how pictures come along.

No render depends on any of it. It goes the way of `work`, which has all that renders do depend on.
"""

import msgspec

__all__ = ["Measurement", "Noted", "Previewed", "ShowPreviews"]


class ShowPreviews(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="show_previews"):
    """Tell of the pictures of renders under way from now on, or no more; at first they are not told of."""

    wanted: bool


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a metric of `otel.names`, in its unit, with attributes of its own."""

    metric: str
    value: float
    attributes: dict[str, str] = {}


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="noted"):
    """What was measured, for the daemon to export.

    Attributes:
        traceparent: Of the render that it was measured on; None: of none.
    """

    notes: list[Measurement]
    traceparent: str | None = None


class Previewed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="previewed"):
    """What a render seems to come to, after `step` of `steps` denoise steps.

    Attributes:
        jpeg: A small JPEG, as bytes.
    """

    job_id: str
    step: int
    steps: int
    jpeg: bytes
