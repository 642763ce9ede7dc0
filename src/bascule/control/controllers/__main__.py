"""`python -m bascule.control.controllers`."""

import sys

from bascule.control.controllers.main import main

sys.exit(main())
