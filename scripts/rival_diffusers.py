"""Times diffusers' FLUX with PEFT at 1+1 blocks on torch's CPU, and prints one JSON object of milliseconds.

It runs in an environment of its own (`scripts/rivals.py`) and imports nothing of kilnmark:
`python rival_diffusers.py FOLDER SECONDS`, where FOLDER holds `r16-0.safetensors` to `r16-7.safetensors` and the same
of rank 64, in diffusers' names.
"""

import itertools
import json
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from diffusers import FluxTransformer2DModel
from diffusers.utils import logging
from safetensors.torch import load_file

COUNTS = (1, 2, 4, 8)
TOKENS, TEXT_TOKENS = 16, 48
Action = tuple[Callable[[], object], Callable[[], object]]
"""What brings about the state to start from, and what is timed."""


def build() -> FluxTransformer2DModel:
    """FLUX.1-dev with one block of each kind, random weights."""
    torch.manual_seed(11)
    model = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    return model.eval().requires_grad_(requires_grad=False)


def step_of(model: FluxTransformer2DModel) -> Callable[[], torch.Tensor]:
    """One forward at 64 px on the same numbers each time."""
    draw = torch.Generator().manual_seed(3)
    ids = torch.zeros(TOKENS, 3)
    side = int(TOKENS**0.5)
    ids[:, 1], ids[:, 2] = torch.arange(TOKENS) // side, torch.arange(TOKENS) % side
    inputs = {
        "hidden_states": torch.randn(1, TOKENS, 64, generator=draw),
        "encoder_hidden_states": torch.randn(1, TEXT_TOKENS, 4096, generator=draw),
        "pooled_projections": torch.randn(1, 768, generator=draw),
        "timestep": torch.tensor([1.0]),
        "guidance": torch.tensor([3.5]),
        "img_ids": ids,
        "txt_ids": torch.zeros(TEXT_TOKENS, 3),
    }

    def step() -> torch.Tensor:
        with torch.inference_mode():
            return model(**inputs, return_dict=False)[0]

    return step


def interleaved(actions: dict[str, Action], seconds: float, least: int, most: int) -> dict[str, list[float]]:
    """Milliseconds of every action, each run once a round in an order that changes, after one untimed round."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    order = list(actions)
    shuffler = random.Random(len(order))  # noqa: S311 - an order, not a secret
    for before, run in actions.values():
        before()
        run()
    until, done = time.monotonic() + seconds, 0
    while done < least or (done < most and time.monotonic() < until):
        shuffler.shuffle(order)
        for name in order:
            before, run = actions[name]
            before()
            began = time.perf_counter()
            run()
            taken[name].append(1e3 * (time.perf_counter() - began))
        done += 1
    return taken


def nothing() -> None:
    """No state to bring about."""


def differs(one: torch.Tensor, other: torch.Tensor) -> None:
    """What is timed must do something."""
    if torch.equal(one, other):
        sys.exit("an adapter that should change the noise did not")


def equals(one: torch.Tensor, other: torch.Tensor) -> None:
    """What is taken off must be off."""
    if not torch.equal(one, other):
        sys.exit("the noise is not what it was before")


def switches(folder: Path, seconds: float) -> dict[str, list[float]]:
    """Adapters of rank 16 by `load_lora_adapter` and `set_adapters`."""
    model = build()
    step = step_of(model)
    bare = step()
    a, b = (folder / f"r16-{place}.safetensors" for place in range(2))
    model.load_lora_adapter(load_file(a), adapter_name="a")
    model.load_lora_adapter(load_file(b), adapter_name="b")
    names, scales = itertools.count(), itertools.count(0.5, 1e-3)
    new = ""

    def forget() -> None:
        nonlocal new
        if new:
            model.delete_adapters(new)
        new = f"new{next(names)}"

    only_a, only_b, half_a = (partial(model.set_adapters, *it) for it in (("a", 1.0), ("b", 1.0), ("a", 0.5)))
    seen = []
    for choose in (only_a, only_b, half_a):
        choose()
        seen.append(step())
    for one, other in itertools.combinations([bare, *seen], 2):
        differs(one, other)
    actions: dict[str, Action] = {
        "cold": (forget, lambda: model.load_lora_adapter(load_file(a), adapter_name=new)),
        "flip": (only_b, only_a),
        "scale": (only_a, lambda: model.set_adapters("a", next(scales))),
        "same": (only_a, only_a),
    }
    taken = interleaved(actions, seconds, 5, 15)
    model.unload_lora()
    equals(step(), bare)
    return taken


def hotswaps(folder: Path, seconds: float) -> dict[str, list[float]]:
    """Adapters of rank 16 by `load_lora_adapter(hotswap=True)`, from a file and from tensors in memory."""
    model = build()
    step = step_of(model)
    files = [folder / f"r16-{place}.safetensors" for place in range(2)]
    held = [load_file(file) for file in files]
    model.enable_lora_hotswap(target_rank=16)
    model.load_lora_adapter(dict(held[0]), adapter_name="a")
    turns = itertools.cycle([1, 0])
    first = step()

    def swap(state: dict[str, torch.Tensor]) -> None:
        model.load_lora_adapter(state, adapter_name="a", hotswap=True)

    swap(dict(held[1]))
    differs(step(), first)
    swap(dict(held[0]))
    equals(step(), first)
    return interleaved(
        {
            "hotswap cold": (nothing, lambda: swap(load_file(files[next(turns)]))),
            "hotswap cached": (nothing, lambda: swap(dict(held[next(turns)]))),
        },
        seconds,
        5,
        15,
    )


def steps(folder: Path, rank: int, seconds: float) -> dict[str, list[float]]:
    """A step with none, 1, 2, 4 and 8 adapters of one rank active."""
    model = build()
    step = step_of(model)
    bare = step()
    names = [f"r{rank}-{place}" for place in range(max(COUNTS))]
    for name in names:
        model.load_lora_adapter(load_file(folder / f"{name}.safetensors"), adapter_name=name)

    def wear(count: int) -> None:
        if count == 0:
            model.disable_adapters()
            return
        model.enable_adapters()
        model.set_adapters(names[:count], [0.5] * count)

    for count in COUNTS:
        wear(count)
        differs(step(), bare)
    wear(0)
    equals(step(), bare)
    actions: dict[str, Action] = {str(count): (partial(wear, count), step) for count in (0, *COUNTS)}
    return interleaved(actions, seconds, 5, 25)


def main() -> None:
    """Everything, as one JSON object."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    logging.set_verbosity_error()
    print(
        json.dumps(
            {
                "versions": {name: version(name) for name in ("torch", "diffusers", "peft")},
                "switch": switches(folder, seconds) | hotswaps(folder, seconds),
                "step": {rank: steps(folder, rank, seconds) for rank in (16, 64)},
            }
        )
    )


if __name__ == "__main__":
    main()
