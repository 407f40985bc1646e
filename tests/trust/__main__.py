"""`python -m tests.trust`; all of it is `run`'s, which worker processes can import by its name."""

import sys

from tests.trust.run import main

if __name__ == "__main__":
    sys.exit(main())
