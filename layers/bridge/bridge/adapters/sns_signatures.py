"""Amazon SNS's certificates, fetched once a process, and what they sign.

That a certificate is SNS's own is told by where it came from: a host of SNS, over TLS, no redirect followed
(`bridge.domain.sns_messages` lets no other address through).
"""

from typing import Final

import httpx
from Crypto.Hash import SHA1, SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15

from bridge.domain.errors import NotVerifiable
from bridge.domain.sns_messages import SnsMessage

_LARGEST: Final = 65_536  # bytes of a certificate; SNS's have 2,000
_MOST: Final = 16  # kept; SNS has one a region, and changes it once in a while
_SERVER_ERROR: Final = 500
_OK: Final = 200
_DIGESTS: Final = {"sha1": SHA1, "sha256": SHA256}


class SnsSignatures:
    """`bridge.ports.SnsSignatures` over HTTPS."""

    def __init__(self, client: httpx.Client) -> None:
        """Take a client that follows no redirects and trusts no environment."""
        self._client = client
        self._keys: dict[str, RSA.RsaKey] = {}

    def verifies(self, message: SnsMessage) -> bool:
        """See `bridge.ports.SnsSignatures`."""
        key = self._key(message.certificate_url)
        if key is None:
            return False
        try:
            pkcs1_15.new(key).verify(_DIGESTS[message.digest].new(message.signed), message.signature)
        except ValueError:
            return False
        return True

    def confirm(self, message: SnsMessage) -> None:
        """See `bridge.ports.SnsSignatures`."""
        status, _ = self._get(message.subscribe_url)
        if status != _OK:
            raise NotVerifiable("SNS did not take the confirmation of its subscription")

    def _key(self, url: str) -> RSA.RsaKey | None:
        """The key of the certificate there; None where there is none."""
        if url not in self._keys:
            status, body = self._get(url)
            if status != _OK:
                return None
            try:
                key = RSA.import_key(body)
            except (ValueError, IndexError, TypeError):
                return None
            if len(self._keys) >= _MOST:
                self._keys.clear()
            self._keys[url] = key
        return self._keys[url]

    def _get(self, url: str) -> tuple[int, bytes]:
        try:
            with self._client.stream("GET", url) as answer:
                if answer.status_code >= _SERVER_ERROR:
                    raise NotVerifiable("SNS is not in service; the call is to be repeated")
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _LARGEST:
                        break
                return answer.status_code, body
        except httpx.HTTPError as exc:
            raise NotVerifiable("SNS could not be reached; the call is to be repeated") from exc
