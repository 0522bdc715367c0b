"""python -m modelway: the command."""

import sys

from modelway.command import main

sys.exit(main())
