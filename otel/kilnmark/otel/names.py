"""Every span and attribute name of the product, each once.

Dashboards and alerts are written against these strings, so a change here is a change of the public interface.
"""

from typing import Final

# Spans.
RENDER: Final = "flux_mlx.render"
"""One render, from acceptance to reply."""
QUEUE: Final = "flux_mlx.queue"
LORA_APPLY: Final = "flux_mlx.lora.apply"
"""One adapter of one render."""
ENCODE: Final = "flux_mlx.encode"
DENOISE: Final = "flux_mlx.denoise"
DECODE: Final = "flux_mlx.decode"
SAVE: Final = "flux_mlx.save"
LOAD_MODEL: Final = "flux_mlx.load_model"
WARM_UP: Final = "flux_mlx.warm_up"
CLIENT_RENDER: Final = "kilnmark.client.render"

# Attributes of LORA_APPLY.
LORA_NAME: Final = "render.lora.name"
LORA_FILE: Final = "render.lora.file"
LORA_SHA256: Final = "render.lora.sha256"
LORA_SCALE: Final = "render.lora.scale"
LORA_CONVENTION: Final = "render.lora.convention"
LORA_MATCHED_KEY_COUNT: Final = "render.lora.matched_key_count"
LORA_TOTAL_KEY_COUNT: Final = "render.lora.total_key_count"
LORA_APPLIED_TARGET_COUNT: Final = "render.lora.applied_target_count"
LORA_DELTA_RATIO: Final = "render.lora.delta_ratio"
LORA_PROBE_DIVERGENCE: Final = "render.lora.probe_divergence"
LORA_VERDICT: Final = "render.lora.verdict"

# Attributes of RENDER.
RENDER_GENRE: Final = "render.genre"
RENDER_WORLD: Final = "render.world"
RENDER_TIER: Final = "render.tier"
RENDER_SEED: Final = "render.seed"
RENDER_VARIANT: Final = "render.variant"
RENDER_WIDTH: Final = "render.width"
RENDER_HEIGHT: Final = "render.height"
RENDER_SETTING: Final = "render."
"""Before the name of each setting that the picture's spec has: `render.steps`, `render.guidance`."""
RENDER_SHARED_WITH: Final = "render.shared_with"
"""Job id that the picture was painted as, on the span of another job that got it too."""
RENDER_CACHED: Final = "render.cached"
"""True when the picture was painted before."""
LORA_STACK_SIZE: Final = "render.lora.stack_size"
LORA_STACK_DELTA_RATIO: Final = "render.lora.stack_delta_ratio"
LORA_NAMES: Final = "render.lora.names"
LORA_FILES: Final = "render.lora.files"
LORA_SCALES: Final = "render.lora.scales"
LORA_MATCHED_KEYS: Final = "render.lora.matched_keys"
LORA_NOOP_COUNT: Final = "render.lora.noop_count"
LORA_MIN_MATCHED_KEY_COUNT: Final = "render.lora.min_matched_key_count"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"

# Of any span that failed.
ERROR_TYPE: Final = "error.type"
"""One of few words: the `kind` of a request's error, or `lora_noop`, `lora_partial`, `lora_refused`."""
