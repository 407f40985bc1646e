"""Values made up on the spot, for models of true topology that need no weights: what every standin is filled with.

Big linear layers are held as thin factors, so that every real adapter fits and a CPU renders in seconds. Which modules
there are, and which of them may be narrower than the real ones, is the families' part.
"""

import hashlib
import math
from dataclasses import dataclass

import mlx.core as mx
from mlx import nn

from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.slots import children

__all__ = ["FACTOR_RANK", "MadeUp", "byte_letters"]

FACTOR_RANK = 4
FACTORED_FROM = 1 << 18
"""Matrices with this many elements or more are held as factors."""

GAIN = 1.0
MODULATION_GAIN = 0.25
_MODULATES = ("norm", "modulation", "adaLN", "tproj")
"""What stands in the paths of layers whose output scales, shifts or gates a stream."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Values that depend only on a layer's path and on what they are drawn from: two are bit-identical on one back end.

    Attributes:
        drawn_from: A recipe's name; another name is other values.
    """

    drawn_from: str

    def fill(self, model: nn.Module, root: str) -> None:
        """Give every linear layer, embedding and convolution of a model its values; norms keep theirs.

        Args:
            model: Its layers may be lazy; those that become factors are never computed.
            root: What the paths of its layers begin with.
        """
        for path, holder, name, module in list(children(model)):
            where = f"{root}.{path}"
            if isinstance(module, nn.Linear):
                holder[name] = self._linear(module, where)  # type: ignore[index]  # a module is a dict of its children
            elif isinstance(module, nn.Embedding):
                module.weight = self._numbers(where, module.weight.shape, 1.0)
            elif isinstance(module, nn.Conv2d | nn.Conv3d):
                out, *read = module.weight.shape
                module.weight = self._numbers(where, (out, *read), math.prod(read) ** -0.5)
                module.bias = mx.zeros((out,))

    def _linear(self, module: nn.Linear, where: str) -> nn.Module:
        out, into = module.weight.shape
        gain = MODULATION_GAIN if any(word in where for word in _MODULATES) else GAIN
        bias = mx.zeros((out,)) if "bias" in module else None
        if out * into < FACTORED_FROM:
            module.weight = self._numbers(where, (out, into), gain * into**-0.5)
            if bias is not None:
                module.bias = bias
            return module
        down = self._numbers(f"{where}.down", (into, FACTOR_RANK), into**-0.5)
        up = self._numbers(f"{where}.up", (FACTOR_RANK, out), gain * FACTOR_RANK**-0.5)
        return FactoredLinear(down, up, bias)

    def _numbers(self, where: str, shape: tuple[int, ...], deviation: float) -> mx.array:
        """Evenly spread: on a CPU, MLX draws normal numbers at a fifth of the speed, and loading is mostly that."""
        seed = int.from_bytes(hashlib.sha256(f"{self.drawn_from}:{where}".encode()).digest()[:8])
        end = deviation * math.sqrt(3)
        return mx.random.uniform(-end, end, shape, key=mx.random.key(seed))


def byte_letters() -> list[str]:
    """The 256 printable characters that byte-level BPE writes bytes with (GPT-2's table)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [code for code in range(256) if code not in shown]
    return [chr(code) for code in shown] + [chr(256 + i) for i in range(len(hidden))]
