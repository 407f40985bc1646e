"""What an adapter adds to one target: the data that readers make of files and that the engine applies."""

from dataclasses import dataclass

from kilnmark.keymaps.fused import Matrix, Range

__all__ = ["AnyUpdate", "KroneckerUpdate", "Update"]


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What an adapter adds to one target's weight W at scale 1: `multiplier * up @ down`.

    With magnitudes it is DoRA: each row of W + `multiplier * up @ down` is then made as long as its magnitude says.

    Attributes:
        target: Module path of the layer in mflux.
        down: (rank, in) float32; the targets of a fused module share one array.
        up: (out, rank) float32.
        multiplier: alpha / rank, or what the convention puts in its place.
        norm: Frobenius norm of `multiplier * up @ down`; what magnitudes add to it depends on W.
        magnitude: (out,) float32; None without magnitudes.
    """

    target: str
    down: Matrix
    up: Matrix
    multiplier: float
    norm: float
    magnitude: Matrix | None = None

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`: the most that the rank of the product can be."""
        return int(self.down.shape[0])

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero, whatever W is."""
        return self.norm == 0.0 and self.magnitude is None


@dataclass(frozen=True, slots=True, eq=False)
class KroneckerUpdate:
    """What an adapter adds to one target's weight at scale 1: some rows of `multiplier * kron(first, second)`.

    The product is never formed: its rows times an input are two small products, one with each factor.

    Attributes:
        target: Module path of the layer in mflux.
        first: (a, c) float32.
        second: One matrix (b, d), or two (b, rank) and (rank, d) whose product it is, float32.
        ranges: Which of the a * b rows are the target's, put one behind the other; a module's rows may be split within
            the second factor.
        multiplier: alpha / rank, or 1 where both factors are stored whole.
        norm: Frobenius norm of the whole update.
    """

    target: str
    first: Matrix
    second: tuple[Matrix, ...]
    ranges: tuple[Range, ...]
    multiplier: float
    norm: float

    @property
    def rank(self) -> int:
        """The most that the rank of the product can be: that of the factors multiplied, each at most its shortest side.

        LyCORIS's own dim is the inner side of a factor that is stored as a product; whole factors have none.
        """
        return int(min(self.first.shape) * min(length for matrix in self.second for length in matrix.shape))

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero."""
        return self.norm == 0.0


AnyUpdate = Update | KroneckerUpdate
