"""`python -m kilnmark.engine`: how the daemon starts its worker."""

import os

# Read once, when mflux imports these: progress goes to the daemon instead, and no torch is wanted.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from kilnmark.engine.main import main

main()
