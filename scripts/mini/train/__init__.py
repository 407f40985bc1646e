"""How each part is trained, in stages that can be stopped at any moment and gone on with."""

import scripts.mini.model  # noqa: F401 - it puts the fast BLAS before mlx
