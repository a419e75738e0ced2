"""Where webhooks never go: every form of an inner address that is known, and what a connection is then made to."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters.webhook_client import PublicWebhookClient
from bridge.domain.addresses import RefusedAddress, destination, judged

PUBLIC = "93.184.215.14"
PUBLIC6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# What a resolver that takes every spelling says of them: as inet_aton does.
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0x1",
    "127.0.0.1.",
    "127.000.000.001",
    "127.0.0.01",
    "0",
    "0.0.0.0",  # noqa: S104 - connected to by nobody, which is the test
    "0x0",
    "10.0.0.1",
    "0xa000001",
    "012.0.0.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "127．0．0．1",
    "ⓛocalhost",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "foo.localhost",
    "a.b.localhost.",
    "ｌｏｃａｌｈｏｓｔ",
    "router",
    "1.2.3.4.5",
    "256.256.256.256",
    "4294967296",
    "0x",
    "127.0.0.1%00.example.com",
    "",
    ".",
    "..",
    "-.example.com",
]
IN_BRACKETS = [
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:93.184.215.14",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:53aa:64c:0:0:80ff:fffe",
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd00::1",
    "fe80::1",
    "fe80::1%25eth0",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "::ffff:0:127.0.0.1",
    "127.0.0.1",
    "v1.1",
]
WHOLE = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/_x",
    "//example.com/",
    "https:example.com",
    "https:///example.com",
    "https://",
    "example.com",
    "https://user@127.0.0.1/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1\\.example.com/",
    "https://user:secret@example.com/",
    "https://@example.com/",
    "https://exam%70le.com/",
    "https://example.com%2f@127.0.0.1/",
    "https://example.com/#x",
    "https://example.com/#",
    "https://example.com:0/",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:80/",
    "https://example.com:65536/",
    "https://example.com:x/",
    "https://example.com:-1/",
    "https://example.com:４４３/",
    "https://exa mple.com/",
    "https://example.com/\r\nHost: x",
    "https://example.com/\nx",
    "https://example.com\t/",
    " https://example.com/",
    "https://[::1",
    "https://::1/",
    "https://[::1]example.com/",
    "https://example.com/" + "x" * 2048,
]
CORPUS = [
    *(f"https://{form}/hook" for form in SPELLINGS),
    *(f"https://{form}:8443/hook" for form in SPELLINGS[:12]),
    *(f"https://[{form}]/hook" for form in IN_BRACKETS),
    *WHOLE,
]
NAMES: dict[str, tuple[str, ...]] = {
    "private.example.com": ("10.1.2.3",),
    "loopback.example.com": ("127.0.0.1",),
    "metadata.google.internal": ("169.254.169.254",),
    "both.example.com": (PUBLIC, "192.168.0.1"),
    "both-turned.example.com": ("192.168.0.1", PUBLIC),
    "both6.example.com": (PUBLIC6, "fd00::1"),
    "mapped.example.com": ("::ffff:127.0.0.1",),
    "nat64.example.com": ("64:ff9b::7f00:1",),
    "zone.example.com": ("fe80::1%2",),
    "zone-public.example.com": (f"{PUBLIC6}%2",),
    "none.example.com": (),
    "odd.example.com": ("not an address",),
    "127.0.0.1.nip.io": ("127.0.0.1",),
}


@dataclass
class World(httpcore.NetworkBackend):
    """Records who is connected to; nobody answers."""

    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Iterable[str]:  # noqa: ARG002 - as getaddrinfo is asked
        self.asked.append(host)
        if host in self.names:
            return self.names[host]
        # As a careless resolver would: every spelling of a number is an address.
        return ("127.0.0.1",)

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        raise httpcore.ConnectError("nobody is here")


def client(world: World, *, allow_loopback: bool = False) -> PublicWebhookClient:
    return PublicWebhookClient(allow_loopback=allow_loopback, resolve=world.resolve, connect=world)


def test_the_corpus_is_large() -> None:
    assert len({*CORPUS, *NAMES}) >= 150


@pytest.mark.parametrize("url", CORPUS)
def test_none_of_these_connects_or_is_even_accepted(url: str) -> None:
    world = World()

    assert client(world).post(url, {}, b"x").error in {"refused_address", "unresolved"}

    assert world.connected == []
    with pytest.raises(RefusedAddress) as caught:
        destination(url, allow_loopback=False)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_an_inner_address_connects(name: str) -> None:
    world = World(names=NAMES)

    assert client(world).post(f"https://{name}/", {}, b"x").error in {"refused_address", "unresolved"}

    assert world.asked == [name]
    assert world.connected == []


@pytest.mark.parametrize("form", ["http://127.0.0.1:8080/", "https://169.254.169.254/", "https://10.0.0.1/"])
def test_loopback_opens_nothing_else(form: str) -> None:
    world = World()
    outcome = client(world, allow_loopback=True).post(form, {}, b"x")

    assert outcome.error == ("unreachable" if "127" in form else "refused_address")
    assert world.connected == ([("127.0.0.1", 8080)] if "127" in form else [])


def test_what_is_not_encrypted_goes_to_this_machine_only() -> None:
    world = World(names={"example.com": (PUBLIC,), "both.example.com": ("127.0.0.1", PUBLIC)})
    opened = client(world, allow_loopback=True)

    assert opened.post("http://example.com/", {}, b"x").error == "refused_address"
    assert opened.post("http://both.example.com/", {}, b"x").error == "refused_address"
    assert opened.post("http://localhost:9000/", {}, b"x").error == "unreachable"
    assert world.connected == [("127.0.0.1", 9000)]


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("https://EXAMPLE.com./hook?x=1", "example.com", 443),
        ("https://example.com:8443/", "example.com", 8443),
        ("https://例子.测试/钩", "xn--fsqu00a.xn--0zwm56d", 443),
        ("https://under_score.example.com/", "under_score.example.com", 443),
    ],
)
def test_the_checked_address_is_the_one_connected_to(url: str, host: str, port: int) -> None:
    world = World(names={host: (PUBLIC, PUBLIC6)})

    assert client(world).post(url, {}, b"x").error == "unreachable"

    assert world.asked == [host]
    assert world.connected == [(PUBLIC, port), (PUBLIC6, port)]


def test_a_name_that_changes_its_address_after_the_check_gains_nothing() -> None:
    world = World(names={"rebind.example.com": (PUBLIC,)})
    turns = [(PUBLIC,), ("127.0.0.1",), (PUBLIC,), ("10.0.0.1",)]

    def rebinding(host: str, port: int) -> Iterable[str]:
        world.resolve(host, port)
        return turns.pop(0)

    posting = PublicWebhookClient(allow_loopback=False, resolve=rebinding, connect=world)

    outcomes = [posting.post("https://rebind.example.com/", {}, b"x").error for _ in range(4)]

    # Asked once an attempt, and every attempt anew: what was judged is what is connected to.
    assert outcomes == ["unreachable", "refused_address", "unreachable", "refused_address"]
    assert world.connected == [(PUBLIC, 443)] * 2
    assert len(world.asked) == 4


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://example.com/a b".replace(" ", "%20"), "/a%20b", "example.com"),
        ("https://example.com:8443?x=1&y=%2F", "/?x=1&y=%2F", "example.com:8443"),
        (f"https://[{PUBLIC6}]/", "/", f"[{PUBLIC6}]"),
        ("https://example.com/钩", "/%E9%92%A9", "example.com"),
    ],
)
def test_what_goes_over_the_wire(url: str, target: str, authority: str) -> None:
    found = destination(url, allow_loopback=False)
    assert (found.target, found.authority) == (target, authority)


@given(st.ip_addresses())
def test_whatever_is_open_is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    try:
        judged((str(address),), allow_loopback=False)
    except RefusedAddress:
        return
    assert address.is_global
    forbidden = (address.is_private, address.is_loopback, address.is_link_local, address.is_multicast)
    assert not any(forbidden)
    if isinstance(address, ipaddress.IPv6Address):
        assert [address.ipv4_mapped, address.sixtofour, address.teredo] == [None] * 3


@given(st.text(max_size=60))
def test_any_text_is_a_destination_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        try:
            found = destination(url, allow_loopback=False)
        except RefusedAddress:
            continue
        assert found.host.isascii()
        assert found.target.isascii()
        assert found.secure
