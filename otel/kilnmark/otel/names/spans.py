"""The spans of the product, each once. Their attributes are in `attributes`, those of everybody in `semconv`."""

from typing import Final

from kilnmark.otel.names.definitions import SpanName

__all__ = [
    "CLIENT_RENDER",
    "COMPILE",
    "DECODE",
    "DENOISE",
    "DENOISE_STEP",
    "ENCODE",
    "LAB_JUDGE",
    "LOAD_MODEL",
    "LORA_APPLY",
    "QUEUE",
    "RENDER",
    "SAVE",
    "WARM_UP",
]

CLIENT_RENDER: Final = SpanName("kilnmark.client.render", "One call of a client for a picture.")
RENDER: Final = SpanName("flux_mlx.render", "One render, from acceptance to reply.")
QUEUE: Final = SpanName(
    "flux_mlx.queue", "Its wait until the worker has it; another, with `flux_mlx.reason`, where that worker was lost."
)
LORA_APPLY: Final = SpanName("flux_mlx.lora.apply", "One adapter of one render: read, judged, put on.")
ENCODE: Final = SpanName("flux_mlx.encode", "Its prompt encoded, and the pictures that it starts from.")
DENOISE: Final = SpanName("flux_mlx.denoise", "All of its denoise steps.")
DENOISE_STEP: Final = SpanName("flux_mlx.denoise.step", "One denoise step.")
DECODE: Final = SpanName("flux_mlx.decode", "From latents to pixels.")
SAVE: Final = SpanName("flux_mlx.save", "Its picture written, with its record.")
LOAD_MODEL: Final = SpanName("flux_mlx.load_model", "A base loaded.")
COMPILE: Final = SpanName(
    "flux_mlx.compile", "One size of picture that a base is made warm at before anybody asks for one."
)
WARM_UP: Final = SpanName("flux_mlx.warm_up", "One call that waits for a base.")
LAB_JUDGE: Final = SpanName("kilnmark.lab.judge", "One judging of a run, with an event for each cell and axis.")
