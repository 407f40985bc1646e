"""How a Pinhole is loaded, reads a prompt and paints: a module of a family, whole."""

import hashlib

import mlx.core as mx
from mlx import nn

from kilnmark.engine.families.family import BaseUnavailable, Encoded, Origin, Watcher
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics
from kilnmark.protocol.picture.spec import PictureSpec

WIDTH, BLOCKS, PIXELS = 16, 3, 8


class Eye(nn.Module):
    """Letters to one row of numbers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.letters = nn.Embedding(256, WIDTH)
        self.iris = nn.Linear(WIDTH, WIDTH, bias=False)

    def __call__(self, text: str) -> mx.array:
        return self.iris(self.letters(mx.array([0, *text.encode()]))).mean(axis=0)


class Block(nn.Module):
    """One layer, and what it adds."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.mix = nn.Linear(WIDTH, WIDTH)

    def __call__(self, x: mx.array) -> mx.array:
        return x + mx.tanh(self.mix(x))


class Camera(nn.Module):
    """Rows of three colours and a prompt to the noise in them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.aperture = nn.Linear(3, WIDTH)
        self.blocks = [Block() for _ in range(BLOCKS)]
        self.film = nn.Linear(WIDTH, 3)

    def __call__(self, x: mx.array, prompt: mx.array) -> mx.array:
        x = self.aperture(x) + prompt
        for block in self.blocks:
            x = block(x)
        return self.film(x)


class Pinhole:
    """The camera and its eye."""

    bits = None
    compiled = False
    shared_inputs = ()

    def __init__(self, origin: Origin) -> None:
        mx.random.seed(7)
        self.camera, self.eye = Camera(), Eye()
        if origin.weights is not None:
            for folder, module in (("camera", self.camera), ("eye", self.eye)):
                for header in origin.weights.headers[folder]:
                    module.load_weights(header.path)
        self.fingerprint = origin.weights.fingerprint if origin.weights else hashlib.sha256(b"pinhole 1").hexdigest()
        self.roots = {"": self.camera}
        self.held = [self.camera, self.eye]

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:
        return self.eye(prompt), self.eye(negative_prompt or "")

    def predict(self, encoded: Encoded) -> mx.array:
        return self.camera(mx.random.normal((4, 3), key=mx.random.key(0)), encoded[0]).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        height, width = spec.height // PIXELS, spec.width // PIXELS
        x = mx.random.normal((height * width, 3), key=mx.random.key(spec.seed))
        for step in range(spec.steps):
            wanted, unwanted = (self.camera(x, prompt) for prompt in encoded)
            watcher.stepped(step)
            x = x - (unwanted + spec.guidance * (wanted - unwanted)) / spec.steps
            mx.eval(x)
        watcher.denoised(x)
        colours = (mx.sigmoid(x).astype(mx.float32) * 255).astype(mx.uint8).reshape(height, width, 3)
        return mx.repeat(mx.repeat(colours, PIXELS, axis=0), PIXELS, axis=1)


def load(origin: Origin, quantize: int | None, _numerics: Numerics, _compiling: AskedCompiling) -> Pinhole:
    """As `kilnmark.engine.families.family.Load` says."""
    if quantize is not None:
        raise BaseUnavailable("a Pinhole is too small to be quantized; leave quantize out")
    return Pinhole(origin)
