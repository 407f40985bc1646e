"""The smallest render of the standin that tests of the engine ask for."""

from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["PLAIN"]

PLAIN = RenderCommand(
    job_id="one",
    prompt="a",
    variant="standin",
    seed=1,
    steps=2,
    guidance=3.5,
    negative_prompt=None,
    width=64,
    height=32,
    tier=None,
    lora_names=[],
    lora_paths=[],
    lora_scales=[],
    stack=StackInfo(source="none"),
    on_mismatch="error",
)
