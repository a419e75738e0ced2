"""JSON that came from elsewhere, a queue or a secret: whatever is wrong with it is one error."""

import json
from typing import Any


def json_value(text: str) -> Any:
    """The value of a JSON text. Raises ValueError where it is none, or nested deeper than Python reads."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
