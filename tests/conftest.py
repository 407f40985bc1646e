"""For every test: the engine's room comes first, so that its fast BLAS is in the process before anything brings mlx."""

import kilnmark.engine as kilnmark_engine

__all__ = ["kilnmark_engine"]
