"""The attributes of the product's spans and metrics, each once; those that OpenTelemetry names are in `semconv`."""

from typing import Final

from kilnmark.otel.names.definitions import AttributeName, ValueForm

__all__ = [
    "BATCH_STATE",
    "CACHE_NAME",
    "CACHE_RESULT",
    "LAB_BARS",
    "LAB_CELL",
    "LAB_PART",
    "LAB_VERDICT",
    "LINK_KIND",
    "LORA_APPLIED_TARGET_COUNT",
    "LORA_BLOCK_SCALES",
    "LORA_CONVENTION",
    "LORA_DELTA_RATIO",
    "LORA_DROWNED_TARGET_COUNT",
    "LORA_EFFECTIVE_SHARE",
    "LORA_FILE",
    "LORA_FILES",
    "LORA_MADE_FOR",
    "LORA_MATCHED_KEYS",
    "LORA_MATCHED_KEY_COUNT",
    "LORA_MIN_MATCHED_KEY_COUNT",
    "LORA_NAME",
    "LORA_NAMES",
    "LORA_NOOP_COUNT",
    "LORA_PROBE_DIVERGENCE",
    "LORA_QUANTIZED_SURVIVAL",
    "LORA_SCALE",
    "LORA_SCALES",
    "LORA_SHA256",
    "LORA_STACK_DELTA_RATIO",
    "LORA_STACK_SHARE",
    "LORA_STACK_SIZE",
    "LORA_STRENGTH_FROM",
    "LORA_TOTAL_KEY_COUNT",
    "LORA_UNDONE_TARGET_COUNT",
    "LORA_USUAL_SCALE",
    "LORA_VERDICT",
    "MEMORY_STATE",
    "REASON",
    "RENDER_CACHED",
    "RENDER_DRAFT",
    "RENDER_GENRE",
    "RENDER_HEIGHT",
    "RENDER_IMAGE_PATH",
    "RENDER_IMAGE_SHA256",
    "RENDER_INIT_IMAGE",
    "RENDER_INIT_IMAGE_SHA256",
    "RENDER_JOB_ID",
    "RENDER_NEGATIVE_PROMPT",
    "RENDER_NUMERICS",
    "RENDER_OUTCOME",
    "RENDER_PRIORITY",
    "RENDER_PROMPT",
    "RENDER_REFERENCE_IMAGES",
    "RENDER_REFERENCE_IMAGES_SHA256",
    "RENDER_SEED",
    "RENDER_SETTING",
    "RENDER_SHARED_WITH",
    "RENDER_SOURCE",
    "RENDER_STEPS",
    "RENDER_STRENGTH",
    "RENDER_TIER",
    "RENDER_VARIANT",
    "RENDER_WIDTH",
    "RENDER_WORLD",
    "SIGNAL",
    "STEP",
    "STEP_SIGMA",
    "SWITCH_KIND",
    "WORKER_STATE",
]

# Of one adapter.
LORA_NAME: Final = AttributeName("render.lora.name", "The adapter's name, as its style or the caller has it.")
LORA_FILE: Final = AttributeName("render.lora.file", "Its file.")
LORA_SHA256: Final = AttributeName("render.lora.sha256", "Its content, in hex.")
LORA_SCALE: Final = AttributeName("render.lora.scale", "The scale that it was asked for at.", ValueForm.NUMBER)
LORA_BLOCK_SCALES: Final = AttributeName(
    "render.lora.block_scales",
    "Its scales on some blocks, such as `double 0.3, single.20-37 1`; only where it has any.",
)
LORA_CONVENTION: Final = AttributeName("render.lora.convention", "How its keys are named: `kohya`, `peft` and so on.")
LORA_MATCHED_KEY_COUNT: Final = AttributeName(
    "render.lora.matched_key_count", "Keys of its file that belong to a layer of the base.", ValueForm.WHOLE
)
LORA_TOTAL_KEY_COUNT: Final = AttributeName("render.lora.total_key_count", "Keys of its file.", ValueForm.WHOLE)
LORA_APPLIED_TARGET_COUNT: Final = AttributeName(
    "render.lora.applied_target_count", "Layers of the base that it changed.", ValueForm.WHOLE
)
LORA_DELTA_RATIO: Final = AttributeName(
    "render.lora.delta_ratio", "Norm of what it changed over that of the weights that it changed.", ValueForm.NUMBER
)
LORA_PROBE_DIVERGENCE: Final = AttributeName(
    "render.lora.probe_divergence", "How far it moved one prediction; only where it was probed.", ValueForm.NUMBER
)
LORA_EFFECTIVE_SHARE: Final = AttributeName(
    "render.lora.effective_share", "Share of its change that is left at the base's precision.", ValueForm.NUMBER
)
LORA_STACK_SHARE: Final = AttributeName(
    "render.lora.stack_share", "Share of the stack's change that is its own.", ValueForm.NUMBER
)
LORA_UNDONE_TARGET_COUNT: Final = AttributeName(
    "render.lora.undone_target_count", "Layers on which another adapter of the stack undoes it.", ValueForm.WHOLE
)
LORA_DROWNED_TARGET_COUNT: Final = AttributeName(
    "render.lora.drowned_target_count", "Layers on which another adapter drowns it.", ValueForm.WHOLE
)
LORA_QUANTIZED_SURVIVAL: Final = AttributeName(
    "render.lora.quantized_survival",
    "Share of its change that a quantized base would keep if it were baked in.",
    ValueForm.NUMBER,
)
LORA_USUAL_SCALE: Final = AttributeName(
    "render.lora.usual_scale",
    "The scale that adapters like it are used at; only on those that are far too strong.",
    ValueForm.NUMBER,
)
LORA_STRENGTH_FROM: Final = AttributeName("render.lora.strength_from", "Where its strength was read from.")
LORA_MADE_FOR: Final = AttributeName("render.lora.made_for", "The model that it looks made for, where that is another.")
LORA_VERDICT: Final = AttributeName("render.lora.verdict", "`engaged`, `partial`, `noop` or `refused`.")

# Of a render.
RENDER_JOB_ID: Final = AttributeName("render.job_id", "The job's id, as `kilnmark jobs` lists it.")
RENDER_IMAGE_PATH: Final = AttributeName("render.image.path", "The file of the picture; only where there is one.")
RENDER_IMAGE_SHA256: Final = AttributeName("render.image.sha256", "Its bytes, in hex.")
RENDER_GENRE: Final = AttributeName("render.genre", "The genre that was asked for.")
RENDER_WORLD: Final = AttributeName("render.world", "The world that was asked for.")
RENDER_TIER: Final = AttributeName("render.tier", "The tier that was asked for.")
RENDER_SEED: Final = AttributeName("render.seed", "Of the picture's noise.", ValueForm.WHOLE)
RENDER_VARIANT: Final = AttributeName(
    "render.variant", "The base; on metrics, `other` for one that is no variant of ours, such as a directory."
)
RENDER_WIDTH: Final = AttributeName("render.width", "In pixels.", ValueForm.WHOLE)
RENDER_HEIGHT: Final = AttributeName("render.height", "In pixels.", ValueForm.WHOLE)
RENDER_STEPS: Final = AttributeName("render.steps", "Denoise steps.", ValueForm.WHOLE)
RENDER_SETTING: Final = AttributeName(
    "render.", "Before the name of each further setting that the family has.", ValueForm.NUMBER
)
RENDER_PROMPT: Final = AttributeName(
    "render.prompt", "The prompt; only where it is asked for that prompts are exported."
)
RENDER_NEGATIVE_PROMPT: Final = AttributeName("render.negative_prompt", "The negative prompt, alike.")
RENDER_INIT_IMAGE: Final = AttributeName(
    "render.init_image", "The file of the picture that it starts from; only where it starts from one."
)
RENDER_INIT_IMAGE_SHA256: Final = AttributeName("render.init_image.sha256", "Its content, in hex.")
RENDER_STRENGTH: Final = AttributeName("render.strength", "How much of that picture stays, 0 to 1.", ValueForm.NUMBER)
RENDER_REFERENCE_IMAGES: Final = AttributeName(
    "render.reference_images",
    "The files of the pictures that it refers to; only where there are some.",
    ValueForm.TEXTS,
)
RENDER_REFERENCE_IMAGES_SHA256: Final = AttributeName(
    "render.reference_images.sha256", "Their contents, in hex.", ValueForm.TEXTS
)
RENDER_DRAFT: Final = AttributeName(
    "render.draft",
    "True where it is capped in size and steps, and no picture to be used; absent from all others.",
    ValueForm.TRUTH,
)
RENDER_NUMERICS: Final = AttributeName("render.numerics", "`exact` or `fast`.")
RENDER_SHARED_WITH: Final = AttributeName(
    "render.shared_with", "Job id that the picture was painted as, on the span of another job that got it too."
)
RENDER_CACHED: Final = AttributeName("render.cached", "True when the picture was painted before.", ValueForm.TRUTH)
RENDER_OUTCOME: Final = AttributeName("render.outcome", "`done`, `failed` or `cancelled`.")
RENDER_SOURCE: Final = AttributeName("render.source", "Where the picture came from: `painted`, `cached` or `shared`.")
RENDER_PRIORITY: Final = AttributeName("render.priority", "`high`, `normal` or `low`.")
STEP: Final = AttributeName("render.step", "Which denoise step, from 1.", ValueForm.WHOLE)
STEP_SIGMA: Final = AttributeName("render.step.sigma", "Its noise level at its beginning, 1 to 0.", ValueForm.NUMBER)
LORA_STACK_SIZE: Final = AttributeName("render.lora.stack_size", "Adapters of the stack.", ValueForm.WHOLE)
LORA_STACK_DELTA_RATIO: Final = AttributeName(
    "render.lora.stack_delta_ratio",
    "Norm of what all adapters change together over that of the weights that they change.",
    ValueForm.NUMBER,
)
LORA_NAMES: Final = AttributeName("render.lora.names", "The adapters' names, in stack order.", ValueForm.TEXTS)
LORA_FILES: Final = AttributeName("render.lora.files", "Their files.", ValueForm.TEXTS)
LORA_SCALES: Final = AttributeName("render.lora.scales", "Their scales.", ValueForm.NUMBERS)
LORA_MATCHED_KEYS: Final = AttributeName("render.lora.matched_keys", "Their matched keys.", ValueForm.WHOLES)
LORA_NOOP_COUNT: Final = AttributeName("render.lora.noop_count", "How many of them changed nothing.", ValueForm.WHOLE)
LORA_MIN_MATCHED_KEY_COUNT: Final = AttributeName(
    "render.lora.min_matched_key_count", "The least matched keys of any of them.", ValueForm.WHOLE
)

LINK_KIND: Final = AttributeName("render.link", "On a link, `made`: the render that made the picture.")

# Of the lab and of batches.
LAB_VERDICT: Final = AttributeName("kilnmark.lab.verdict", "`PROCEED`, `REJECT` or `IN FLIGHT`.")
LAB_BARS: Final = AttributeName("kilnmark.lab.bars", "Which bars it was judged by.")
LAB_CELL: Final = AttributeName("kilnmark.lab.cell", "Which cell of the grid was judged.")
LAB_PART: Final = AttributeName("kilnmark.lab.part", "What a run is at: `training`, `sweep`, `gate` or `judging`.")
BATCH_STATE: Final = AttributeName("kilnmark.batch.state", "`waiting`, `done`, `failed` or `kept`.")

# Of metrics.
SWITCH_KIND: Final = AttributeName(
    "flux_mlx.switch.kind",
    "`same`: it was on; `flipped`: the one before it; `cached`: put together before; `cold`: put together now.",
)
CACHE_NAME: Final = AttributeName("flux_mlx.cache.name", "`picture`, `adapter`, `stack` or `prompt`.")
CACHE_RESULT: Final = AttributeName("flux_mlx.cache.result", "`hit` or `miss`.")
MEMORY_STATE: Final = AttributeName("flux_mlx.memory.state", "`active`, `cache` or `peak`.")
WORKER_STATE: Final = AttributeName("flux_mlx.worker.state", "`warming`, `ready`, `degraded` or `stopped`.")
REASON: Final = AttributeName("flux_mlx.reason", "Why, one of few words.")
SIGNAL: Final = AttributeName("flux_mlx.signal", "`traces`, `metrics` or `logs`.")
