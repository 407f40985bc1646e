"""`python -m kilnmark.daemon '<settings as JSON>'`: the daemon as a process of its own."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # what is imported stays, and looking through it for garbage is an eighth of a start
    from kilnmark.daemon.main import main

    gc.freeze()
    gc.enable()
    sys.exit(main(sys.argv[1:]))
