"""The model itself: its parts from mflux's classes, its tokenizer, and the directory they are kept in.

Importing it puts the fast BLAS before mlx, which takes the one that is in the process first.
"""

from kilnmark.engine.compute import use_fast_blas

use_fast_blas()
