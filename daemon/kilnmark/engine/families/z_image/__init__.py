"""Z-Image and Z-Image-Turbo, by mflux's own classes: the transformer with Qwen3, whole, or as a standin."""

from kilnmark.engine.families.z_image.loading import load

__all__ = ["load"]
