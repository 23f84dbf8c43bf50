"""python -m mmdigit: the same as the `mmdigit` command."""

import sys

from mmdigit.cli import main

if __name__ == "__main__":
    sys.exit(main())
