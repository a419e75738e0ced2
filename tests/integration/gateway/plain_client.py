"""A client in a few lines: signs with hashlib, encrypts with pycryptodome, and shares nothing with the gateway."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import httpx
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad

BASE = "/eums/sms/utf8/json/"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def encrypt(text: str, key: bytes) -> str:
    return AES.new(key, AES.MODE_ECB).encrypt(pad(text.encode(), AES.block_size)).hex()


def decrypt(text: str, key: bytes) -> str:
    return unpad(AES.new(key, AES.MODE_ECB).decrypt(bytes.fromhex(text)), AES.block_size).decode()


@dataclass(frozen=True)
class PlainClient:
    http: httpx.Client
    seed: str
    name: str = "test"
    password: str = "123456"
    aes_key: bytes = b"0123456789abcdef"
    version: int = 1
    method: str = "POST"

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def data(self, values: object) -> str:
        text = values if isinstance(values, str) else json.dumps(values, ensure_ascii=False)
        return encrypt(text, self.aes_key) if self.version == 17 else text

    def signed(self, data: str | None = None, **more: str) -> dict[str, str]:
        fields = {"name": self.name, "seed": self.seed, "ver": str(self.version)}
        fields["key"] = md5(md5(self.password) + self.seed + (data or ""))
        return fields | ({} if data is None else {"data": data}) | more

    def request(self, call: str, fields: Mapping[str, str]) -> httpx.Response:
        if self.method == "GET":
            return self.http.get(f"{BASE}{call}.do", params=dict(fields))
        return self.http.post(f"{BASE}{call}.do", data=dict(fields))

    def read(self, response: httpx.Response) -> Any:
        assert response.status_code == 200
        return json.loads(decrypt(response.text, self.aes_key) if self.version == 17 else response.text)

    def call(self, call: str, **fields: str) -> Any:
        return self.read(self.request(call, self.signed(**fields)))

    def submit(self, values: object) -> Any:
        return self.read(self.request("send", self.signed(self.data(values))))

    def send(self, *dest: str, content: str = "【京东】您的验证码是 123456", **more: str) -> Any:
        return self.submit({"dest": ",".join(dest), "content": content} | more)

    def reports(self) -> Any:
        return self.call("report")

    def mos(self) -> Any:
        return self.call("mo")
