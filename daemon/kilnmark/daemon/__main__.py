"""`python -m kilnmark.daemon '<settings as JSON>'`: the daemon as a process of its own."""

import sys

from kilnmark.daemon.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
