"""`python -m graphnn`: see `python -m graphnn --help`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
