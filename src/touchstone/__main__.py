"""`python -m touchstone` is the `touchstone` command."""

import sys

from touchstone.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
