"""What one picture is like, and how alike two are by structure: numbers, and no judgement.

Pictures are (height, width, 3) arrays of uint8.
"""

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from kilnmark.lab.errors import NotInstalled

__all__ = ["Looks", "Picture", "fitted", "grey_of", "looks", "read_picture", "require_ssim", "shrunk", "ssim"]

Picture = npt.NDArray[np.uint8]

_ENDS = (2, 253)
"""Grey levels below and above which nothing is left to see."""


class Looks(msgspec.Struct, frozen=True):
    """Looks of one picture.

    Attributes:
        entropy: Of its grey levels, in bits: 0 to 8.
        deviation: Standard deviation of its grey levels, of 255.
        saturation: Mean of its colours' saturation, 0 to 1.
        noise: Estimated deviation of its noise, of 255. Fine hatching counts as noise.
        brightness: Mean of its grey levels, of 255.
        clipped: Share of its pixels that are wholly black or white, 0 to 1.
        smoothness: Correlation of grey levels with those beside and below them: near 1 for pictures of things, 0 for
            noise. 1 where it is even.
    """

    entropy: float
    deviation: float
    saturation: float
    noise: float
    brightness: float = 0.0
    clipped: float = 0.0
    smoothness: float = 1.0


def read_picture(path: Path) -> Picture:
    """A picture's pixels in RGB.

    Raises:
        OSError: It cannot be read or is no picture.
    """
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def looks(picture: Picture) -> Looks:
    """Looks of a picture of at least 3 x 3 pixels."""
    grey = grey_of(picture)
    counts = np.bincount(np.clip(np.rint(grey), 0, 255).astype(np.int64).ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    wide = picture.astype(np.float64)
    high, low = wide.max(axis=2), wide.min(axis=2)
    saturation = np.divide(high - low, high, out=np.zeros_like(high), where=high > 0)
    darkest, lightest = _ENDS
    return Looks(
        entropy=float(-(shares * np.log2(shares)).sum()) + 0.0,
        deviation=float(grey.std()),
        saturation=float(saturation.mean()),
        noise=_noise(grey),
        brightness=float(grey.mean()),
        clipped=float(((grey <= darkest) | (grey >= lightest)).mean()),
        smoothness=(_correlation(grey[:, :-1], grey[:, 1:]) + _correlation(grey[:-1], grey[1:])) / 2,
    )


def require_ssim() -> None:
    """See that pictures can be compared, before any is painted for it.

    Raises:
        NotInstalled: scikit-image is not there.
    """
    try:
        import skimage.metrics  # noqa: F401 - it is only looked for
    except ImportError as error:
        raise NotInstalled("comparing pictures", "lab") from error


def ssim(one: Picture, other: Picture) -> float:
    """Structural similarity of two pictures of one size (Wang et al., 2004), by scikit-image: 1 for equal ones.

    Raises:
        NotInstalled: scikit-image is not there.
    """
    require_ssim()
    from skimage.metrics import structural_similarity

    window = min(7, *one.shape[:2])
    return float(structural_similarity(one, other, channel_axis=2, data_range=255, win_size=window - (1 - window % 2)))


def grey_of(picture: Picture) -> npt.NDArray[np.float64]:
    """Its grey levels (ITU-R BT.601), 0 to 255: (height, width)."""
    grey: npt.NDArray[np.float64] = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return grey


def fitted(picture: Picture, side: int) -> Picture:
    """The square in its middle, at so many pixels a side."""
    high, wide = picture.shape[:2]
    edge = min(high, wide)
    top, left = (high - edge) // 2, (wide - edge) // 2
    return shrunk(picture[top : top + edge, left : left + edge], (side, side))


def shrunk(picture: Picture, size: tuple[int, int]) -> Picture:
    """The whole of it at another (height, width), by areas."""
    from PIL import Image

    high, wide = size
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((wide, high), Image.Resampling.BOX))


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    first, second = one - one.mean(), other - other.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else 1.0


def _noise(grey: npt.NDArray[np.float64]) -> float:
    """Immerkaer, Fast Noise Variance Estimation, 1996."""
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    both = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.sqrt(np.pi / 2) * np.abs(both).mean() / 6)
