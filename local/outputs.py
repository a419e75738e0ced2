"""`.local/outputs.json`: how scripts reach what is running. Its names do not change."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from local.errors import LocalError


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Everything that a script needs.

    Attributes:
        api_url: with the stage, without a slash at the end.
        api_key: of the client `local`, who may do everything.
    """

    api_url: str
    api_key: str = field(repr=False)
    region: str
    aws_endpoint: str
    aws_access_key_id: str
    aws_secret_access_key: str = field(repr=False)
    delivery_queue_url: str
    inbound_queue_url: str
    topic_arn: str
    journal_bucket: str
    gateway_url: str
    stack_name: str

    def write(self, path: Path) -> None:
        """Write the file at once and whole, readable for its owner only."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".outputs-")  # mkstemp's mode is 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(asdict(self), indent=2) + "\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            LocalError: nothing is running.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LocalError(f"nothing is running: {path} is not there. Start it with `make run`") from None
        return cls(**{known.name: values[known.name] for known in fields(cls)})
