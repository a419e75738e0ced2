"""An account of the gateway, checked when it is built."""

from __future__ import annotations

import base64
import re
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from eums.errors import AccountError
from eums.signing import digest_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eums.calls import Call

__all__ = ["ROTATED", "Account"]

ROTATED = ("password", "password_md5", "version", "aes_key", "aes_key_format")
"""The settings that are changed by rotating credentials."""

# 下行协议, 接口地址: the folder that every call of the specification lies in.
_SPECIFIED = ["eums", "sms", "utf8", "json"]

_MD5_HEX = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_LONGEST_WAIT = 86_400  # seconds
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_HOST_LENGTH = 253  # DNS
_HIGHEST_PORT = 65535

# The specification never says where the AES key comes from: an operator issues one, or names one of these rules.
_DERIVED: Mapping[str, Callable[[str], bytes]] = {
    "password-md5-raw": bytes.fromhex,
    "password-md5-hex16": lambda digest: digest[:16].encode(),
    "password-md5-hex32": str.encode,
}
_GIVEN: Mapping[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda key: base64.b64decode(key, validate=True),
}
_KEY_LENGTHS = (16, 24, 32)
_ENCRYPTED = 17

_TEXTS = ("base_url", "name", "password", "password_md5", "aes_key", "aes_key_format", "method", "zone")
_COUNTS = ("version", "post_recipients", "get_recipients")
_SECONDS = ("connect_timeout", "read_timeout", "write_timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the gateway and how to reach it.

    Attributes:
        base_url: `http://host:port` or `https://…`. A path that is a beginning of the specification's
            `/eums/sms/utf8/json` (or none) is completed to it; any other is the folder that holds `send.do`.
        name: the account's name, 帐号.
        password: the password; either this or `password_md5`.
        password_md5: md5(password) in hex of any case: all that the protocol needs.
        version: 1 for plain text, 17 for AES.
        aes_key: the AES key that the operator issued: 16, 24 or 32 bytes.
        aes_key_format: how `aes_key` is written: `text`, `hex` or `base64`. Or, without an `aes_key`, how the key
            comes from the password: `password-md5-raw` (the 16 bytes of its MD5), `password-md5-hex16` (the first 16
            characters of the hex), `password-md5-hex32` (all 32).
        method: how requests are sent.
        zone: the time zone of the gateway's clock, of `seed` and of the times in reports.
        post_recipients: most numbers in one submit by POST.
        get_recipients: most numbers in one submit by GET.
        connect_timeout: seconds.
        read_timeout: seconds without a byte.
        write_timeout: seconds without a byte taken.
        previous: the account as it was before its password or key was changed, the newest first. Answers are read
            with these keys, too; what calls are made with is the caller's to say.

    Raises:
        AccountError: names everything that is wrong, at once.
    """

    base_url: str
    name: str
    password: str | None = field(default=None, repr=False)
    password_md5: str | None = field(default=None, repr=False)
    version: int = 1
    aes_key: str | None = field(default=None, repr=False)
    aes_key_format: str = "text"
    method: Literal["POST", "GET"] = "POST"
    zone: str = "Asia/Shanghai"
    post_recipients: int = 1000
    get_recipients: int = 50
    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    write_timeout: float = 5.0
    previous: tuple[Account, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if problems := list(_problems({each.name: getattr(self, each.name) for each in fields(self)})):
            raise AccountError(problems)
        if self.password_md5 is not None:
            object.__setattr__(self, "password_md5", self.password_md5.lower())

    @classmethod
    def from_mapping(cls, settings: Mapping[str, object]) -> Account:
        """Build an account from a mapping such as the JSON of a secret.

        Numbers may be strings: consoles for secrets store nothing else. None stands for the default. `previous` is
        a list of mappings, each of which says what of the credentials (`ROTATED`) was otherwise.

        Raises:
            AccountError: names every unknown, missing or wrong setting, at once.
        """
        current = {name: value for name, value in settings.items() if name != "previous"}
        before = settings.get("previous")
        given, problems = _read(current)
        former: list[dict[str, object]] = []
        if before is not None and not (isinstance(before, list) and all(isinstance(each, dict) for each in before)):
            problems.append("previous must be a list of objects")
        else:
            for place, each in enumerate(before or [], 1):
                if each.keys() - set(ROTATED):
                    problems.append(f"previous {place} may have {', '.join(ROTATED)}, and nothing else")
                elif not problems:
                    whole, wrong = _read(_as_it_was(current, each))
                    problems += (f"previous {place}: {problem}" for problem in wrong)
                    former.append(whole)
        if problems:
            raise AccountError(problems)
        # Each type was checked just now.
        return cls(**given, previous=tuple(cls(**each) for each in former))  # type: ignore[arg-type]

    @property
    def password_digest(self) -> str:
        """md5(password) in lower-case hex."""
        return self.password_md5 or digest_password(self.password or "")

    @property
    def cipher_key(self) -> bytes | None:
        """The AES key, or None where the account has none."""
        if self.aes_key_format in _DERIVED:
            return _DERIVED[self.aes_key_format](self.password_digest)
        return None if self.aes_key is None else _GIVEN[self.aes_key_format](self.aes_key)

    @property
    def cipher_keys(self) -> tuple[bytes, ...]:
        """The AES keys that an answer may be encrypted with: the account's, then those that it had before."""
        keys = (each.cipher_key for each in (self, *self.previous))
        return tuple(dict.fromkeys(key for key in keys if key is not None))

    @property
    def tzinfo(self) -> ZoneInfo:
        """The zone of the gateway's clock."""
        return ZoneInfo(self.zone)

    @property
    def max_recipients(self) -> int:
        """Most numbers in one submit, by the account's method."""
        return self.post_recipients if self.method == "POST" else self.get_recipients

    def url(self, call: Call) -> str:
        """Return the address of a call, without a query."""
        parts = urlsplit(self.base_url)
        path = parts.path.rstrip("/")
        segments = path.split("/")[1:]
        if segments == _SPECIFIED[: len(segments)]:
            path = "/" + "/".join(_SPECIFIED)
        return f"{parts.scheme}://{parts.netloc}{path}/{call.value}.do"


def _as_it_was(current: Mapping[str, object], before: Mapping[str, object]) -> dict[str, object]:
    """The settings with the earlier credentials in place of those that exclude them."""
    replaced = {name for name, value in before.items() if value is not None}
    if replaced & {"password", "password_md5"}:
        replaced |= {"password", "password_md5"}
    if before.get("aes_key_format") in _DERIVED:
        replaced.add("aes_key")
    return {name: value for name, value in current.items() if name not in replaced} | dict(before)


def _read(settings: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """What is given, for the constructor, and everything that is wrong with it."""
    defaults = {each.name: None if each.default is MISSING else each.default for each in fields(Account)}
    # An unknown name may be a secret in the wrong place, so it is named only where it looks like a name.
    unknown = [f"{_shown(name)} is no setting of an account" for name in settings if name not in defaults]
    given = {name: _number(name, settings[name]) for name in defaults if settings.get(name) is not None}
    return given, [*unknown, *_problems(defaults | given)]


def _shown(name: object) -> str:
    return name if isinstance(name, str) and re.fullmatch(r"[a-z][a-z_0-9]{0,30}", name, re.ASCII) else "one name"


def _number(name: str, value: object) -> object:
    if isinstance(value, str) and name in (*_COUNTS, *_SECONDS):
        try:
            return int(value) if name in _COUNTS else float(value)
        except ValueError:
            return value
    return value


def _problems(values: Mapping[str, object]) -> Iterator[str]:
    """Name everything that is wrong with the settings; quote none of them."""
    wrong_types = list(_wrong_types(values))
    yield from wrong_types
    wrong = {problem.split()[0] for problem in wrong_types}
    sound = {name: value for name, value in values.items() if name not in wrong}
    yield from _address_problems(sound.get("base_url"))
    if sound.get("name") == "":
        yield "name is empty"
    if sound.get("version", 1) not in (1, _ENCRYPTED):
        yield "version must be 1 or 17"
    if sound.get("method", "POST") not in ("POST", "GET"):
        yield "method must be POST or GET"
    zone = sound.get("zone")
    if isinstance(zone, str) and not _is_zone(zone):
        yield "zone is no time zone known here"
    for name in ("post_recipients", "get_recipients"):
        count = sound.get(name)
        if isinstance(count, int) and count < 1:
            yield f"{name} must be at least 1"
    for name in _SECONDS:
        seconds = sound.get(name)
        if isinstance(seconds, int | float) and not 0 < seconds <= _LONGEST_WAIT:
            yield f"{name} must be a positive number of seconds, a day at most"
    yield from _credential_problems(values, wrong)
    previous = values["previous"]
    if not isinstance(previous, tuple) or not all(isinstance(each, Account) for each in previous):
        yield "previous must be a tuple of accounts"


def _wrong_types(values: Mapping[str, object]) -> Iterator[str]:
    for name in _TEXTS:
        value = values[name]
        if value is None and name in ("password", "password_md5", "aes_key"):
            continue
        if value is None and name in ("base_url", "name"):
            yield f"{name} is missing"
        elif not isinstance(value, str):
            yield f"{name} must be a string"
        elif not _is_utf8(value):
            yield f"{name} cannot be written in UTF-8"
    for name in _COUNTS:
        if not isinstance(values[name], int) or isinstance(values[name], bool):
            yield f"{name} must be a whole number"
    for name in _SECONDS:
        if not isinstance(values[name], int | float) or isinstance(values[name], bool):
            yield f"{name} must be a number of seconds"


def _address_problems(base_url: object) -> Iterator[str]:
    if not isinstance(base_url, str):
        return
    # urlsplit silently drops tabs and line ends, so they are refused before it sees them.
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        yield "base_url must be printable ASCII without spaces"
        return
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        yield "base_url is no address"
        return
    if parts.scheme not in ("http", "https"):
        yield "base_url must begin with http:// or https://"
        return
    # A label that is too long fails in the resolver with an error that says nothing of the network.
    if not host or (":" not in host and not _is_host(host)) or (port is not None and not 0 < port <= _HIGHEST_PORT):
        yield "base_url names no host, or no port, that can be reached"
    if "?" in base_url or "#" in base_url:
        yield "base_url must have no query and no fragment"
    if "@" in parts.netloc:
        yield "base_url must have no user and no password"
    if parts.path.rstrip("/").endswith(".do"):
        yield "base_url must name the folder that holds send.do, not a call"


def _is_host(host: str) -> bool:
    return len(host) <= _HOST_LENGTH and all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))


def _is_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # not found, not a name at all, a folder of names
        return False
    return True


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _credential_problems(values: Mapping[str, object], wrong: set[str]) -> Iterator[str]:
    password, digest = values["password"], values["password_md5"]
    if (password is None) == (digest is None):
        yield "exactly one of password and password_md5 must be given"
    if password == "":
        yield "password is empty"
    if isinstance(digest, str) and not _MD5_HEX.fullmatch(digest):
        yield "password_md5 must be 32 hex digits"
    key, form = values["aes_key"], values["aes_key_format"]
    if not wrong & {"aes_key", "aes_key_format"} and isinstance(form, str):
        yield from _key_problems(key, form, needed=values["version"] == _ENCRYPTED)


def _key_problems(key: object, form: str, *, needed: bool) -> Iterator[str]:
    if form in _DERIVED:
        if key is not None:
            yield f"aes_key must not be given: aes_key_format {form} derives it from the password"
    elif form not in _GIVEN:
        yield "aes_key_format must be one of " + ", ".join((*_GIVEN, *_DERIVED))
    elif isinstance(key, str):
        try:
            octets = _GIVEN[form](key)
        except ValueError:  # binascii.Error is one
            yield f"aes_key is not written in the format {form}"
        else:
            if len(octets) not in _KEY_LENGTHS:
                yield "aes_key must have 16, 24 or 32 bytes"
    elif needed:
        yield "aes_key is missing: version 17 needs one, or a rule to derive it"
