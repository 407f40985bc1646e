"""What an adapter adds to one target: the data that readers make of files and that the engine applies."""

from dataclasses import dataclass

from kilnmark.keymaps.fused import Matrix

__all__ = ["Update"]


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What an adapter adds to one target's weight at scale 1: `multiplier * up @ down`.

    Attributes:
        target: Module path of the layer in mflux.
        down: (rank, in) float32; the targets of a fused module share one array.
        up: (out, rank) float32.
        multiplier: alpha / rank, or what the convention puts in its place.
        norm: Frobenius norm of the whole update.
    """

    target: str
    down: Matrix
    up: Matrix
    multiplier: float
    norm: float

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`."""
        return int(self.down.shape[0])

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero."""
        return self.norm == 0.0
