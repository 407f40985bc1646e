"""Times diffusers' FLUX.1-dev with random weights on a card: eager, compiled by blocks, and with PEFT's adapters.

It runs in whichever Python has torch and imports nothing of kilnmark: `python rival_card.py SECONDS [--small]`. Each
line that it prints is a JSON object, printed when it is known, so that one that is stopped has told what it had.
"""

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import torch
from diffusers import FluxTransformer2DModel
from diffusers.utils import logging

RANK, ADAPTERS = 16, 4
NONE, ONE, FOUR = "no adapter", f"1 of rank {RANK}", f"{ADAPTERS} of rank {RANK}"
EAGER, COMPILED, PEFT = "diffusers, eager", "diffusers, compiled by blocks", "diffusers, eager, PEFT"
SMALL = "--small" in sys.argv
ENDS = time.monotonic() + float(sys.argv[1])
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = torch.float32 if SMALL else torch.bfloat16
BASE = "float32" if SMALL else "bfloat16"
TOKENS, TEXT_TOKENS = (4, 5) if SMALL else (4096, 512)
ROUNDS = 1 if SMALL else 5
COMPILING = 40.0
"""Seconds that compiling needs at most, on a card where nothing was compiled before."""


def build() -> FluxTransformer2DModel:
    """Every number is drawn on the device; small, it has one block of each kind and a narrow stream."""
    sizes = {"num_layers": 1, "num_single_layers": 1, "num_attention_heads": 4} if SMALL else {}
    torch.set_default_dtype(DTYPE)
    with torch.device(DEVICE):
        model = FluxTransformer2DModel(guidance_embeds=True, **sizes)
    return model.eval().requires_grad_(requires_grad=False)


def step_of(model: FluxTransformer2DModel) -> Callable[[], torch.Tensor]:
    """One forward pass, on the same numbers each time."""
    side = int(TOKENS**0.5)
    ids = torch.zeros(TOKENS, 3, device=DEVICE)
    ids[:, 1], ids[:, 2] = torch.arange(TOKENS) // side, torch.arange(TOKENS) % side
    inputs = {
        "hidden_states": torch.randn(1, TOKENS, 64, device=DEVICE),
        "encoder_hidden_states": torch.randn(1, TEXT_TOKENS, 4096, device=DEVICE),
        "pooled_projections": torch.randn(1, 768, device=DEVICE),
        "timestep": torch.tensor([0.5], device=DEVICE),
        "guidance": torch.tensor([3.5], device=DEVICE),
        "img_ids": ids,
        "txt_ids": torch.zeros(TEXT_TOKENS, 3, device=DEVICE),
    }

    def step() -> torch.Tensor:
        with torch.inference_mode():
            return model(**inputs, return_dict=False)[0]

    return step


def taken(run: Callable[[], object]) -> float:
    """Milliseconds until the device has done it."""
    settle()
    began = time.perf_counter()
    run()
    settle()
    return 1e3 * (time.perf_counter() - began)


def settle() -> None:
    """Wait for the device."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def tell(part: str, what: str, who: str, ms: list[float], against: float | None = None) -> float:
    """A figure, as soon as it is known."""
    median = statistics.median(ms)
    ratio = None if against is None else median / against
    line = {"part": part, "base": BASE, "what": what, "who": who, "value": median, "ratio": ratio, "rounds": len(ms)}
    print(json.dumps(line), flush=True)
    return median


def lacks(what: str, who: str, reason: str) -> None:
    """A figure that cannot be had."""
    print(json.dumps({"part": "step", "base": BASE, "what": what, "who": who, "missing": reason}), flush=True)


def eager() -> None:
    """As its own pipeline runs it, and then with adapters where PEFT is there."""
    model = build()
    step = step_of(model)
    step()
    bare = tell("step", NONE, EAGER, [taken(step) for _ in range(ROUNDS)])
    if importlib.util.find_spec("peft") is None:
        lacks(FOUR, PEFT, "PEFT is not installed")
        return
    names = [f"a{place}" for place in range(ADAPTERS)]
    states = [adapter(model) for _ in names]
    cold = [
        taken(partial(model.load_lora_adapter, state, adapter_name=name))
        for name, state in zip(names, states, strict=True)
    ]
    tell("switch", "tensors cached, stack not built", PEFT, cold)
    for what, some in ((FOUR, names), (ONE, names[:1])):
        model.set_adapters(some, [0.5] * len(some))
        step()
        tell("step", what, PEFT, [taken(step) for _ in range(ROUNDS)], bare)
    flips = [taken(partial(model.set_adapters, name, 0.5)) for name in names[:2] * 3]
    tell("switch", "A-B-A flip", PEFT, flips)


def adapter(model: FluxTransformer2DModel) -> dict[str, torch.Tensor]:
    """One on every linear layer of the blocks, in diffusers' names, drawn on the device."""
    state = {}
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear) or "transformer_blocks." not in name:
            continue
        out, into = module.weight.shape
        state[f"transformer.{name}.lora_A.weight"] = torch.randn(RANK, into, device=DEVICE)
        state[f"transformer.{name}.lora_B.weight"] = torch.randn(out, RANK, device=DEVICE) * 1e-3
    return state


def compiled() -> None:
    """Its blocks, each kind once."""
    if SMALL:
        lacks(NONE, COMPILED, "nothing is compiled on a machine without a card")
        return
    left = ENDS - time.monotonic()
    if left < COMPILING:
        lacks(NONE, COMPILED, f"{left:.0f} s were left, and it takes {COMPILING:g}")
        return
    model = build()
    step = step_of(model)
    step()
    model.compile_repeated_blocks(fullgraph=True)
    step()
    tell("step", NONE, COMPILED, [taken(step) for _ in range(ROUNDS)])


def main() -> None:
    """Everything there is time for."""
    logging.set_verbosity_error()
    if DEVICE == "cpu" and not SMALL:
        lacks(NONE, EAGER, "torch finds no card")
        return
    facts = {name: version(name) for name in ("torch", "diffusers")}
    print(json.dumps({"facts": facts}), flush=True)
    eager()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
    compiled()


if __name__ == "__main__":
    main()
