"""No deadline: how long an example takes says more of the machine than of the code. `make fuzz` has more of them."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "100")))
settings.load_profile("unhurried")
