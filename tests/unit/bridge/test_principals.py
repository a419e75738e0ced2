"""Who IAM says that calls, and the client that it calls for."""

from dataclasses import dataclass, replace

import pytest

from bridge.domain.clients import ClientStanding, Credential
from bridge.domain.limits import Limits
from bridge.domain.principals import principal_key, principal_of
from bridge.services.recognizing import KEPT, Recognizing
from tests.fakes.clients import FakeClients
from tests.fakes.clock import FakeClock
from tests.fakes.world import SHOP

ACCOUNT = "arn:aws-cn:iam::123456789012"
ROLE = f"{ACCOUNT}:role/webshop"
SESSION = "arn:aws-cn:sts::123456789012:assumed-role/webshop/i-0abc"


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        # Of a role, API Gateway names the session, which has no path: neither has what stands for the role here.
        (SESSION, ROLE),
        ("arn:aws-cn:sts::123456789012:assumed-role/webshop/botocore-session-1700000000", ROLE),
        (
            "arn:aws:sts::123456789012:assumed-role/web.shop+1=2,3@4-5_6/me@x.cn",
            "arn:aws:iam::123456789012:role/web.shop+1=2,3@4-5_6",
        ),
        (ROLE, ROLE),
        (f"{ACCOUNT}:role/service-role/webshop", ROLE),
        (
            f"{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/cn-north-1/AWSReservedSSO_Ops_0123456789abcdef",
            f"{ACCOUNT}:role/AWSReservedSSO_Ops_0123456789abcdef",
        ),
        (f"{ACCOUNT}:user/bob", f"{ACCOUNT}:user/bob"),
        (f"{ACCOUNT}:user/division/team/bob", f"{ACCOUNT}:user/bob"),
        ("arn:aws-us-gov:iam::123456789012:user/bob", "arn:aws-us-gov:iam::123456789012:user/bob"),
    ],
)
def test_a_principal_is_a_role_or_a_user_without_its_path(arn: str, principal: str) -> None:
    assert principal_of(arn) == principal
    assert principal_of(principal) == principal


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "webshop",
        f"{ACCOUNT}:root",  # every policy of an account lets it do everything: nobody's client
        "arn:aws:sts::123456789012:federated-user/bob",
        "arn:aws:iam::123456789012:group/ops",
        "arn:aws:iam::12345678901:role/webshop",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a/",
        "arn:aws:iam::123456789012:assumed-role/webshop/i-0abc",
        "arn:aws:sts::123456789012:role/webshop",
        "arn:aws:sts::123456789012:assumed-role/webshop",
        "arn:aws:sts::123456789012:assumed-role/path/webshop/i-0abc",
        "arn:evil:iam::123456789012:role/webshop",
        f"{ROLE}\n",
        f" {ROLE}",
        "arn:aws:iam::１２３４５６７８９０１２:role/webshop",
        f"{ACCOUNT}:role/" + "x" * 65,
        f"{ACCOUNT}:role/{'p/' * 300}webshop",
        "*",
        f"{ACCOUNT}:role/*",
    ],
)
def test_whatever_else_calls_is_nobody(arn: str) -> None:
    assert principal_of(arn) is None


def test_the_keys_of_principals_are_not_those_of_api_keys() -> None:
    assert principal_key(ROLE) == f"iam#{ROLE}"


@dataclass
class Counted(FakeClients):
    """Clients whose every look-up is counted."""

    asked: int = 0

    def find(self, key_hash: str) -> Credential | None:
        self.asked += 1
        return super().find(key_hash)


@pytest.fixture
def clients() -> Counted:
    return Counted({principal_key(ROLE): SHOP})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recognizing(clients: Counted, clock: FakeClock) -> Recognizing:
    return Recognizing(clients=clients, clock=clock)


def test_a_session_is_its_roles_client(recognizing: Recognizing) -> None:
    assert recognizing.caller(SESSION) == SHOP


def test_what_stands_beside_a_principal_makes_it_no_account_of_the_twilio_shaped_door(
    recognizing: Recognizing, clients: Counted
) -> None:
    clients.clients[principal_key(ROLE)] = replace(SHOP, account_sid="AC" + "0a" * 16)
    assert recognizing.caller(SESSION) == SHOP


@pytest.mark.parametrize("arn", [SESSION.replace("webshop", "webshop2"), SESSION.replace("9012:", "9013:"), "", "*"])
def test_nobody_elses_is(recognizing: Recognizing, arn: str) -> None:
    assert recognizing.caller(arn) is None


def test_who_is_no_principal_at_all_costs_no_look_up(recognizing: Recognizing, clients: Counted) -> None:
    assert recognizing.caller(f"{ACCOUNT}:root") is None
    assert clients.asked == 0


def test_a_client_is_looked_up_once_a_minute(recognizing: Recognizing, clients: Counted, clock: FakeClock) -> None:
    for _ in range(3):
        recognizing.caller(SESSION)
    assert clients.asked == 1

    clock.advance(KEPT)
    recognizing.caller(SESSION)
    assert clients.asked == 2


def test_a_principal_that_is_removed_is_nobody_within_a_minute(
    recognizing: Recognizing, clients: Counted, clock: FakeClock
) -> None:
    recognizing.caller(SESSION)
    clients.clients.clear()
    clock.advance(60)

    assert recognizing.caller(SESSION) is None


def test_a_principal_whose_client_is_revoked_is_nobody_within_a_minute(
    recognizing: Recognizing, clients: Counted, clock: FakeClock
) -> None:
    recognizing.caller(SESSION)
    clients.standings[SHOP.client] = ClientStanding(revoked=True)
    clock.advance(60)

    assert recognizing.caller(SESSION) is None


def test_a_principal_has_its_clients_limits(recognizing: Recognizing, clients: Counted) -> None:
    clients.standings[SHOP.client] = ClientStanding(limits=Limits(daily_messages=10))

    assert recognizing.caller(SESSION) == replace(SHOP, limits=Limits(daily_messages=10))


def test_a_principal_that_is_added_is_known_at_once(recognizing: Recognizing, clients: Counted) -> None:
    known = clients.clients.pop(principal_key(ROLE))
    assert recognizing.caller(SESSION) is None

    clients.clients[principal_key(ROLE)] = known
    assert recognizing.caller(SESSION) == SHOP


def test_only_so_many_are_remembered(recognizing: Recognizing, clients: Counted) -> None:
    for number in range(1000):
        arn = f"{ACCOUNT}:user/u{number}"
        clients.clients[principal_key(arn)] = SHOP
        recognizing.caller(arn)
    assert len(recognizing._known) < 300
