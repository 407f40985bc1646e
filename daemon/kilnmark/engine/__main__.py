"""`python -m kilnmark.engine`: how the daemon starts its worker."""

import faulthandler
import gc
import os
import sys

from kilnmark.engine.tied import tie_to_daemon


def _begin() -> None:
    gc.disable()  # until a base is held: a tenth of a start would go into looking for garbage
    for problem in tie_to_daemon():
        sys.stderr.write(f"kilnmark-worker: WARNING: {problem}\n")
    faulthandler.enable()  # a crash inside MLX says where it was, on the pipe that the daemon reads
    # Read once, when mflux imports these: progress goes to the daemon instead, and no torch is wanted.
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from kilnmark.engine.main import main

    main()


_begin()
