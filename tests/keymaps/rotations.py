"""What the trainers of OFT make of a weight, written out block by block in float64: nothing here is the reader's.

KohakuBlueleaf/LyCORIS f49d30d6, lycoris/modules/diag_oft.py and boft.py; kohya-ss/sd-scripts 48d368fa,
networks/oft_flux.py; huggingface/peft 5d602fdb, and its version 0.13.0, tuners/oft/layer.py; Nerogar/OneTrainer
23df3832, modules/module/oft_utils.py.
"""

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
Stored = NDArray[np.float32]


def cayley(skew: Wide) -> Wide:
    one = np.eye(len(skew))
    turned: Wide = (one + skew) @ np.linalg.inv(one - skew)
    return turned


def lycoris(weight: Wide, blocks: Stored, alpha: float = 0.0, rescale: Stored | None = None) -> Wide:
    """`DiagOFTModule.make_weight`."""
    skew = np.stack([block - block.T for block in blocks.astype(float)])
    norm, bound = np.linalg.norm(skew) + 1e-8, alpha * len(weight)
    if bound > 0 and norm > bound:
        skew = skew * bound / norm
    size = blocks.shape[-1]
    turned = [cayley(each).T @ weight[n * size : (n + 1) * size] for n, each in enumerate(skew)]
    whole: Wide = np.concatenate(turned)
    return whole if rescale is None else rescale.reshape(-1, 1) * whole


def boft(weight: Wide, blocks: Stored, alpha: float = 0.0, rescale: Stored | None = None) -> Wide:
    """`ButterflyOFTModule.make_weight`, the rows of every block picked one by one."""
    stages, count, size, _ = blocks.shape
    skew = blocks.astype(float) - blocks.astype(float).swapaxes(-1, -2)
    norm, bound = np.linalg.norm(skew) + 1e-8, alpha * len(weight)
    if bound > 0 and norm > bound:
        skew = skew * bound / norm
    for stage in range(stages):
        half = 2**stage * size // 2
        order = []
        for begin in range(0, len(weight), 2 * half):
            for place in range(half):
                order += [begin + place, begin + half + place]
        changed = weight.copy()
        for n in range(count):
            rows = order[n * size : (n + 1) * size]
            changed[rows] = cayley(skew[stage, n]) @ weight[rows]
        weight = changed
    return weight if rescale is None else rescale.reshape(-1, 1) * weight


def sd_scripts(weight: Wide, parts: list[Stored], alpha: float) -> Wide:
    """`OFTModule.forward`: each part has rows of its own."""
    found, begin = [], 0
    for blocks in parts:
        size, rows = blocks.shape[-1], blocks.shape[0] * blocks.shape[-1]
        skew = [block - block.T for block in blocks.astype(float)]
        norm = np.sqrt(sum((each**2).sum() for each in skew))
        factor = (min(norm, alpha * rows) + 1e-8) / (norm + 1e-8)
        for n, each in enumerate(skew):
            found.append(cayley(factor * each).T @ weight[begin + n * size : begin + (n + 1) * size])
        begin += rows
    return np.concatenate(found)


def peft(weight: Wide, packed: Stored, *, scaled: bool = False) -> Wide:
    """`OFTRotationModule._cayley_batch` with five terms; the input is turned: x R, then the weight."""
    size = next(b for b in range(2, 1000) if b * (b - 1) // 2 == packed.shape[1])
    whole = weight.copy()
    for n in range(weight.shape[1] // size):
        skew = np.zeros((size, size))
        numbers = iter(packed[n if len(packed) > 1 else 0].astype(float))
        for row in range(size):
            for column in range(row + 1, size):
                skew[row, column] = next(numbers)
        skew = skew - skew.T
        if scaled:
            skew = skew / (2 * np.sqrt(size - 1))
        power = np.linalg.matrix_power
        turn = np.eye(size) + 2 * skew + 2 * power(skew, 2) + 2 * power(skew, 3) + power(skew, 4)
        columns = slice(n * size, (n + 1) * size)
        whole[:, columns] = weight[:, columns] @ turn.T
    return whole


def peft_0_13(weight: Wide, blocks: Stored) -> Wide:
    """`OFTLayer._cayley_batch`; what the weight gives is turned: y Q."""
    size = blocks.shape[-1]
    found = []
    for n in range(len(weight) // size):
        block = blocks[n if len(blocks) > 1 else 0].astype(float)
        skew = 0.5 * (block - block.T)
        turn = (np.eye(size) - skew) @ np.linalg.inv(np.eye(size) + skew)
        found.append(turn.T @ weight[n * size : (n + 1) * size])
    return np.concatenate(found)
