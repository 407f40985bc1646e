"""What a row of the catalog says of a kind of model: encoders, folders, variants, and what each of these defaults to.

Facts and nothing else: no file is read here and no model is built. A family that is installed beside the product writes
its own row with these classes; `catalog` finds it, and `docs/how-to/family.md` says how.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from kilnmark.protocol.picture.numerics import Numerics

__all__ = [
    "KEYMAPS_NAMES",
    "BlockRun",
    "Encoder",
    "Family",
    "Fitting",
    "LayerGroup",
    "Mark",
    "Numbers",
    "Part",
    "Variant",
]

Fitting = Literal["own", "asked"]
"""To what reference pictures are fitted: `own`, their own size up to a megapixel, of which a rim may be cut off;
`asked`, the size of the picture that is painted, whatever that does to their proportions. Module `fitting` has it."""

_GROUP = 64
"""Numbers of a packed matrix that share a scale and an offset: the default of mflux and MLX."""

KEYMAPS_NAMES = "kilnmark.keymaps.names"
"""The package with the shapes and tables that the product itself has."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """How many numbers a base holds, which is what its memory is made of.

    Attributes:
        matrices: In layers that quantizing packs: linear layers and embeddings.
        others: In all others.
    """

    matrices: int
    others: int

    def nbytes(self, quantize: int | None, number_bytes: int) -> int:
        """The memory they take, in bytes.

        Args:
            quantize: Bits a number of a packed matrix; None packs none.
            number_bytes: Of a number that is not packed, in bytes.
        """
        if quantize is None:
            return (self.matrices + self.others) * number_bytes
        groups = self.matrices // _GROUP
        return self.matrices * quantize // 8 + (2 * groups + self.others) * number_bytes


class Encoder(msgspec.Struct, frozen=True, kw_only=True):
    """A text encoder of a variant.

    Attributes:
        attribute: What the engine calls it, with which the paths of its layers begin.
        title: What people call it.
        tokens: How many it reads, its own beginning and end included.
        own: How many of those are its beginning and end, which its tokenizer counts.
        around: How many a template puts around a prompt beside them, which its tokenizer does not count.
        letters: Of one token in a word of English prose, roughly.
        tokenizer: The folder of a base's directory that holds its tokenizer; empty: none that can be counted with.
        knows: A token that its tokenizer has and others in a folder of that name have not; empty: any there is its.
        in_parts: How that is put together where it is published as words and merges; None: it is not.
        shapes: The name of its layers' shapes; None: no adapter changes it.
        read: How many of its blocks give what a picture is painted by, from the first on; None: all. Those after them
            have shapes too, and what an adapter has for them changes nothing.
    """

    attribute: str
    title: str
    tokens: int
    own: int = 1
    around: int = 0
    letters: int = 5
    tokenizer: str = ""
    knows: str = ""
    in_parts: Literal["clip"] | None = None
    shapes: str | None = None
    read: int | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of a base's directory that holds weights.

    Attributes:
        folder: Its name.
        marks: By these the family is known: each stands in the name of a tensor of this folder.
        unread: Tensors whose names begin so stay on disk, and need not be there.
        sees: How the names of those begin that encode pictures. They are there together or not at all, and a directory
            without them is a base that pictures cannot be shown to.
        files: Where its files can be, by patterns of their paths below the directory; the first that finds some has
            them all. None: in the folder.
        whole: Quantizing leaves it as it is.
    """

    folder: str
    marks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    whole: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """`files`, or the one pattern of its folder."""
        return self.files or (f"{self.folder}/*.safetensors",)

    def holds(self, path: str) -> bool:
        """Whether a file is one of its weights.

        Args:
            path: Below the directory, with slashes.
        """
        depth = path.count("/")
        return any(fnmatchcase(path, place) for place in self.places if place.count("/") == depth)


class LayerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Layers that do the same kind of work, told of together where a stack is weighed.

    Attributes:
        title: What people call them.
        patterns: Of their paths; `*` stands for anything.
    """

    title: str
    patterns: tuple[str, ...]


class BlockRun(msgspec.Struct, frozen=True, kw_only=True):
    """Repeated blocks of a transformer, as those call them who give an adapter a strength of its own there.

    Attributes:
        name: Letters, digits and underscores.
        path: How the paths of its layers begin, before the block's number.
    """

    name: str
    path: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that weights have or lack.

    Attributes:
        text: What stands in the name of a tensor then.
        title: What people call it.
    """

    text: str
    title: str


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One base of a family, and the picture it makes when neither request nor tier says otherwise.

    Attributes:
        name: What requests, tiers and styles call it.
        family: The name of its family.
        width, height: Pixels, multiples of 16.
        steps: Denoise steps.
        guidance: What is used where nothing else is asked for; 0 where it takes none.
        guided: Whether it takes guidance.
        negative_prompt: Whether it takes a negative prompt.
        needs_negative: Whether its guidance does nothing without one.
        init_image: Whether it can start from a picture instead of from noise.
        reference_images: How many pictures it can refer to; 0: none.
        needs_reference: Whether it paints nothing without one.
        encoders: Its text encoders.
        shapes: The name of its own layers' shapes.
        numbers: What it holds in memory: the transformer, its text encoders, and what decodes the picture.
        has, lacks: By these a directory of the family is known to be this variant. Of several that fit the first of the
            row is meant.
        made_up: Its numbers are made up on the spot: it has no weights, cannot be quantized, and its pictures mean
            nothing.
        repository: Where its weights are published, by its name on the Hugging Face hub; empty: nowhere there.
        published: The files there that it is made of, as patterns in which `*` stands for anything. None: those of its
            family's folders, of its tokenizers, and what its family has beside them.
        revision: The commit of that which its engine takes; empty: whatever is newest there.
        licence: Of its weights, as people call it; empty: not known here.
        gated: Only who has accepted its licence there gets them, with a token.
        shipped: The folder below the package `kilnmark` that its weights come in; empty: they do not come with it.
        trained_as: What trainers call it, by what the lab calls them: `mflux`, `mlx-examples`, `ai-toolkit`. One that
            is absent has nothing for it.
        training_adapter: What trainers put on it while they train, so that it stays distilled: the repository of an
            adapter and its file; empty: nothing.
    """

    name: str
    family: str
    width: int
    height: int
    steps: int
    guidance: float
    guided: bool = True
    negative_prompt: bool = False
    needs_negative: bool = False
    init_image: bool = False
    reference_images: int = 0
    needs_reference: bool = False
    encoders: tuple[Encoder, ...]
    shapes: str
    numbers: Numbers
    has: tuple[Mark, ...] = ()
    lacks: tuple[Mark, ...] = ()
    made_up: bool = False
    repository: str = ""
    published: tuple[str, ...] = ()
    revision: str = ""
    licence: str = ""
    gated: bool = False
    shipped: str = ""
    trained_as: Mapping[str, str] = {}
    training_adapter: str = ""

    @property
    def keeps_its_form(self) -> bool:
        """It is never quantized: what is made up is thin already, and what comes with the program is too narrow."""
        return self.made_up or bool(self.shipped)


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of model: one row of the catalog.

    Attributes:
        name: Its own.
        title: What people call it.
        word: What styles call it: by itself it leaves the variant to the tier, and it may stand before the name of one.
            Empty: they name its variants alone.
        engine: The module that loads it, for the worker alone to import: `kilnmark.engine.families.family` says what
            must be in it.
        variants: Its bases.
        parts: The folders of a directory of it; none: it is never given as a directory.
        beside: Files beside those folders that its tokenizers read, where they are published.
        blocks: How the paths of its repeated blocks begin; their linear layers are what `target_count` counts. None:
            every linear layer counts.
        runs: Its repeated blocks, by the names that scales for some blocks call them by. None: by what stands in their
            paths before the block's number.
        groups: Of the transformer's layers; a layer is of the first that it fits, and text encoders are groups of their
            own. None: stacks are told of layer by layer, and as a whole.
        data: The package whose `model_shapes` folder has its shapes, and whose `layers` folder, if there is one, its
            tables of names.
        numerics: The arithmetics that its engine has, first the one for where `auto` wishes for another.
        fitting: How reference pictures are fitted, where any of its variants takes some.
    """

    name: str
    title: str
    word: str = ""
    engine: str
    variants: tuple[Variant, ...]
    parts: tuple[Part, ...] = ()
    beside: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    runs: tuple[BlockRun, ...] = ()
    groups: tuple[LayerGroup, ...] = ()
    data: str = KEYMAPS_NAMES
    numerics: tuple[Numerics, ...] = ("exact",)
    fitting: Fitting = "own"

    @property
    def repositories(self) -> tuple[str, ...]:
        """Where its variants' weights are published."""
        return tuple(dict.fromkeys(variant.repository for variant in self.variants if variant.repository))

    def files_of(self, variant: Variant) -> tuple[str, ...]:
        """Which of the published files one of its variants is made of: names, in which `*` stands for anything."""
        if variant.published:
            return variant.published
        weights = (f"{part.folder}/*.{ending}" for part in self.parts for ending in ("safetensors", "json"))
        tokenizers = (f"{encoder.tokenizer}/*" for encoder in variant.encoders if encoder.tokenizer)
        return (*weights, *tokenizers, *self.beside)
