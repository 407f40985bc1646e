"""What an adapter adds to one target: the data that readers make of files and that the engine applies."""

from dataclasses import dataclass

from kilnmark.keymaps.updates.fused import Matrix, Range

__all__ = [
    "JOINT_RANK",
    "AnyUpdate",
    "BiasUpdate",
    "HadamardUpdate",
    "KroneckerUpdate",
    "NormUpdate",
    "Update",
    "WeightUpdate",
]

JOINT_RANK = 64
"""Up to this rank a Hadamard product is handled as the pair that it is; beyond it, factor by factor."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Update:
    """What an adapter adds to one target's weight W at scale 1: `multiplier * up @ down`.

    With magnitudes it is DoRA: each row of W + `multiplier * up @ down` is then made as long as its magnitude says.

    Attributes:
        target: Module path of the layer in mflux.
        down: (rank, in) float32; the targets of a fused module share one array.
        up: (out, rank) float32.
        multiplier: alpha / rank, or what the convention puts in its place.
        norm: Frobenius norm of `multiplier * up @ down` and the bias; what magnitudes add to it depends on W.
        magnitude: (out,) float32; None without magnitudes.
        bias: (out,) float32, added to the layer's bias at scale 1; None without one.
    """

    target: str
    down: Matrix
    up: Matrix
    multiplier: float
    norm: float
    magnitude: Matrix | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`: the most that the rank of the product can be."""
        return int(self.down.shape[0])

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero, whatever W is."""
        return self.norm == 0.0 and self.magnitude is None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class KroneckerUpdate:
    """What an adapter adds to one target's weight at scale 1: some rows of `multiplier * kron(first, second)`.

    The product is never formed: its rows times an input are two small products, one with each factor. A whole matrix
    stands in `second` beside a `first` of a single 1.

    Attributes:
        target: Module path of the layer in mflux.
        first: (a, c) float32.
        second: One matrix (b, d), or two (b, rank) and (rank, d) whose product it is, float32.
        ranges: Which of the a * b rows are the target's, put one behind the other; a module's rows may be split within
            the second factor.
        multiplier: alpha / rank, or 1 where both factors are stored whole.
        norm: Frobenius norm of the product and the bias; what magnitudes add to it depends on the weight.
        magnitude: (out,) float32: as in `Update`.
        bias: (out,) float32, added to the layer's bias at scale 1; None without one.
    """

    target: str
    first: Matrix
    second: tuple[Matrix, ...]
    ranges: tuple[Range, ...]
    multiplier: float
    norm: float
    magnitude: Matrix | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """The most that the rank of the product can be: that of the factors multiplied, each at most its shortest side.

        LyCORIS's own dim is the inner side of a factor that is stored as a product; whole factors have none.
        """
        return int(min(self.first.shape) * min(length for matrix in self.second for length in matrix.shape))

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero, whatever the weight is."""
        return self.norm == 0.0 and self.magnitude is None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class HadamardUpdate:
    """What an adapter adds to one target's weight at scale 1: `multiplier * (up1 @ down1) * (up2 @ down2)`.

    Element by element, it is a pair of rank rank1 * rank2, which is many times the size of these factors.

    Attributes:
        target: Module path of the layer in mflux.
        first, second: Each (out, rank) and (rank, in) float32; the targets of a fused module share the latter.
        multiplier: alpha / rank1.
        norm: Frobenius norm of the product and the bias; what magnitudes add to it depends on the weight.
        magnitude: (out,) float32: as in `Update`.
        bias: (out,) float32, added to the layer's bias at scale 1; None without one.
    """

    target: str
    first: tuple[Matrix, Matrix]
    second: tuple[Matrix, Matrix]
    multiplier: float
    norm: float
    magnitude: Matrix | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """Of the pair that it is."""
        return len(self.first[1]) * len(self.second[1])

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero, whatever the weight is."""
        return self.norm == 0.0 and self.magnitude is None


@dataclass(frozen=True, slots=True, eq=False)
class BiasUpdate:
    """What an adapter adds to one target's bias at scale 1, and nothing to its weight.

    Attributes:
        target: Module path of the layer in mflux.
        bias: (out,) float32.
        norm: Of the bias.
    """

    target: str
    bias: Matrix
    norm: float

    @property
    def rank(self) -> int:
        """No matrix, no rank."""
        return 0

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero."""
        return self.norm == 0.0


@dataclass(frozen=True, slots=True, eq=False)
class NormUpdate:
    """What an adapter does to the scales w of a norm at scale s: w + s * `scales`, or w + s * (`scales` - w).

    Attributes:
        target: Module path of the norm in mflux.
        scales: (width,) float32.
        replaces: The scales are to take the place of w at scale 1, not to be added to it.
        norm: Of the change at scale 1; None where it depends on w.
    """

    target: str
    scales: Matrix
    replaces: bool
    norm: float | None

    @property
    def rank(self) -> int:
        """No matrix, no rank."""
        return 0

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero, whatever w is."""
        return self.norm == 0.0


WeightUpdate = Update | HadamardUpdate | KroneckerUpdate
"""What changes the weight of a linear layer."""

AnyUpdate = WeightUpdate | BiasUpdate | NormUpdate
