"""The variables of `make run`."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from local.errors import BadSettings

DEFAULT_AWS_PORT: Final = 4566
DEFAULT_GATEWAY_PORT: Final = 8090
DEFAULT_PULL_SECONDS: Final = 2
SIMULATED: Final = {"EUMS_NAME": "test", "EUMS_PASSWORD": "123456", "EUMS_AES_KEY": "0123456789abcdef"}
"""The account of the simulated gateway, where nothing else is said."""

AES_VERSION: Final = 17
KEY_SIZES: Final = (16, 24, 32)
HIGHEST_PORT: Final = 65535
LONGEST_PAUSE: Final = 60  # the template's own limit
KEY_FORMATS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode(text, validate=True),
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of the gateway, as the bridge's secret holds it; `base_url` is known once the gateway is there.

    Attributes:
        version: 1 (clear) or 17 (AES).
        aes_key: written as `aes_key_format` says; version 17 needs one.
        method: GET or POST, where the gateway takes one of them only.
        read_timeout: seconds to wait for the gateway's answer, if not the bridge's own.
        rate: recipients a second that are submitted from queues, if not the bridge's own.
    """

    name: str
    password: str = field(repr=False)
    version: int = 1
    aes_key: str | None = field(default=None, repr=False)
    aes_key_format: str = "text"
    method: str | None = None
    read_timeout: float | None = None
    rate: float | None = None

    @property
    def aes_key_bytes(self) -> bytes | None:
        """The key itself."""
        return None if self.aes_key is None else KEY_FORMATS[self.aes_key_format](self.aes_key)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one run is to do.

    Attributes:
        base_url: somebody's gateway; without one, a simulated gateway is started.
        pull_seconds: pause after a pull that returned nothing.
        verbose: whether `sam` is heard.
    """

    account: Account
    base_url: str | None = None
    aws_port: int = DEFAULT_AWS_PORT
    gateway_port: int = DEFAULT_GATEWAY_PORT
    pull_seconds: int = DEFAULT_PULL_SECONDS
    verbose: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables. An empty one counts as missing.

        Raises:
            BadSettings: it names every one that is missing or wrong.
        """
        read = _Reader(environ)
        base_url = read.url("EUMS_BASE_URL")
        defaults: Mapping[str, str] = {} if base_url else SIMULATED
        version = int(read.choice("EUMS_VERSION", ("1", "17"), "1") or 1)
        key_format = read.choice("EUMS_AES_KEY_FORMAT", tuple(KEY_FORMATS), "text") or "text"
        key = read.text("EUMS_AES_KEY", defaults if key_format == "text" else {})
        method = read.choice("EUMS_METHOD", ("GET", "POST"), None)
        name = read.text("EUMS_NAME", defaults)
        password = read.text("EUMS_PASSWORD", defaults)
        if base_url:
            for variable, value in (("EUMS_NAME", name), ("EUMS_PASSWORD", password)):
                if not value:
                    read.problem(variable, "is needed with EUMS_BASE_URL")
        if version == AES_VERSION and not key:
            read.problem("EUMS_AES_KEY", "is needed with EUMS_VERSION=17")
        if key:
            read.key(key, key_format)
        aws_port = read.number("AWS_PORT", DEFAULT_AWS_PORT, 1, HIGHEST_PORT)
        gateway_port = read.number("GATEWAY_PORT", DEFAULT_GATEWAY_PORT, 1, HIGHEST_PORT)
        pull_seconds = read.number("PULL_SECONDS", DEFAULT_PULL_SECONDS, 1, LONGEST_PAUSE)
        if not base_url and aws_port == gateway_port:
            read.problem("GATEWAY_PORT", f"is {gateway_port}, the same as AWS_PORT")
        if read.problems:
            raise BadSettings("; ".join(read.problems))
        account = Account(
            name=name or "",
            password=password or "",
            version=version,
            aes_key=key,
            aes_key_format=key_format,
            method=method,
        )
        return cls(
            account=account,
            base_url=base_url,
            aws_port=aws_port,
            gateway_port=gateway_port,
            pull_seconds=pull_seconds,
            verbose=environ.get("VERBOSE", "") not in {"", "0"},
        )


class _Reader:
    """Reads variables, and gathers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def problem(self, variable: str, what: str) -> None:
        self.problems.append(f"{variable} {what}")

    def text(self, variable: str, defaults: Mapping[str, str]) -> str | None:
        return self.environ.get(variable) or defaults.get(variable)

    def choice(self, variable: str, choices: tuple[str, ...], default: str | None) -> str | None:
        value = self.environ.get(variable) or default
        if value is not None and value not in choices:
            self.problem(variable, f"is {value!r}, not one of {', '.join(choices)}")
            return default
        return value

    def number(self, variable: str, default: int, low: int, high: int) -> int:
        value = self.environ.get(variable) or str(default)
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self.problem(variable, f"is {value!r}, not a number from {low} to {high}")
            return default
        return int(value)

    def url(self, variable: str) -> str | None:
        value = self.environ.get(variable) or None
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            self.problem(variable, f"is {value!r}, not an http:// or https:// address")
        return value

    def key(self, text: str, key_format: str) -> None:
        """Check the AES key; what it is stays unsaid."""
        try:
            size = len(KEY_FORMATS[key_format](text))
        except (ValueError, binascii.Error):
            self.problem("EUMS_AES_KEY", f"is not {key_format}, as EUMS_AES_KEY_FORMAT says")
            return
        if size not in KEY_SIZES:
            self.problem("EUMS_AES_KEY", f"has {size} bytes; AES keys have 16, 24 or 32")
