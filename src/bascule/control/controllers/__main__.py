"""`python -m bascule.control.controllers`."""

import sys

from bascule.control.controllers.main import main

if __name__ == "__main__":
    sys.exit(main())
