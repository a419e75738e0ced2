import json
from collections.abc import Callable
from typing import Any

import pytest

from bridge.adapters import accounts_secret
from eums import ROTATED, Account
from local.cli import secret as module
from local.cli.accounts import merged
from local.cli.failures import Failure
from local.cli.secret import AccountsSecret, differences, problems, rotated, shown
from local.cli.stacks import Services
from tests.fakes.commands import Cli, StubApi, problem
from tests.fakes.secrets import FakeSecrets

SET = ("accounts", "set", "default", "--base-url", "http://gw.example:8080", "--name", "shop", "--password-stdin")
WRITTEN = {"base_url": "http://gw.example:8080", "name": "shop", "password": "s3cret!"}


@pytest.fixture
def secrets(deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> FakeSecrets:
    del deployed
    fake = FakeSecrets()
    monkeypatch.setattr(Services, "secrets", fake)
    return fake


def written(secrets: FakeSecrets) -> Any:
    return json.loads(secrets.current)


def test_an_account_is_added_and_its_password_is_said_nowhere(cli: Cli, secrets: FakeSecrets) -> None:
    done = cli(*SET, stdin="s3cret!\n")

    assert written(secrets) == {"default": WRITTEN}
    assert "default: added" in done.out
    assert "s3cret!" not in done.out + done.err


def test_a_change_leaves_the_rest_as_it_is(cli: Cli, secrets: FakeSecrets) -> None:
    cli(*SET, stdin="s3cret!\n")
    cli("accounts", "set", "other", "--base-url", "https://b", "--name", "b", "--password-stdin", stdin="x\n")

    document = cli("accounts", "set", "default", "--name", "shop-2", "--rate", "50", "--json").document

    assert written(secrets)["default"] == WRITTEN | {"name": "shop-2", "bridge": {"rate": 50}}
    assert written(secrets)["other"]["name"] == "b"
    assert document == {
        "account": "default",
        "created": False,
        "changes": [
            {"field": "bridge.rate", "before": "—", "after": "50.0"},
            {"field": "name", "before": "shop", "after": "shop-2"},
        ],
    }
    assert "nothing changed" in cli("accounts", "set", "default", "--name", "shop-2").out


def test_a_password_and_a_key_come_as_two_lines(cli: Cli, secrets: FakeSecrets) -> None:
    cli(*SET, "--version", "17", "--aes-key-stdin", stdin="pass word \n0123456789abcdef\n")

    assert written(secrets)["default"] == WRITTEN | {
        "password": "pass word ",
        "version": 17,
        "aes_key": "0123456789abcdef",
    }
    done = cli("accounts", "set", "default", "--password-stdin", stdin="another\n")
    assert "(set), another" in done.out
    assert "pass word" not in done.out + done.err
    cli("accounts", "set", "default", "--version", "1", "--no-aes-key")
    assert "aes_key" not in written(secrets)["default"]


def test_what_is_rotated_stays_as_what_was_before_until_it_is_forgotten(cli: Cli, secrets: FakeSecrets) -> None:
    cli(*SET, "--version", "17", "--aes-key-stdin", stdin="first\n0123456789abcdef\n")
    cli("accounts", "set", "default", "--password-stdin", stdin="second\n")
    cli("accounts", "set", "default", "--aes-key-stdin", stdin="fedcba9876543210\n")
    cli("accounts", "set", "default", "--rate", "5")  # no rotation

    whole = Account.from_mapping(
        {name: value for name, value in written(secrets)["default"].items() if name != "bridge"}
    )
    assert [(each.password, each.aes_key) for each in (whole, *whole.previous)] == [
        ("second", "fedcba9876543210"),
        ("second", "0123456789abcdef"),
        ("first", "0123456789abcdef"),
    ]

    done = cli("accounts", "set", "default", "--forget-previous")

    assert "first" not in secrets.current
    assert "previous" in done.out
    forgetful = Account.from_mapping(
        {name: value for name, value in written(secrets)["default"].items() if name != "bridge"}
    )
    assert forgetful.cipher_keys == (b"fedcba9876543210", b"0123456789abcdef")
    cli("accounts", "set", "default", "--version", "1", "--no-aes-key")
    cli("accounts", "set", "default", "--forget-previous")
    assert "nothing changed" in cli("accounts", "set", "default", "--forget-previous").out


@pytest.mark.parametrize("before", [None, 7, {}, {"password": 7}, {"aes_key": "x"}])
def test_what_could_not_be_used_before_is_not_kept(before: object) -> None:
    assert rotated(before, WRITTEN) == WRITTEN


def test_only_so_many_are_kept() -> None:
    account: dict[str, Any] = WRITTEN
    for number in range(9):
        account = rotated(account, account | {"password": f"p{number}"})
    assert [each["password"] for each in account["previous"]] == ["p7", "p6", "p5", "p4", "p3"]


def test_a_new_password_takes_the_place_of_its_md5() -> None:
    assert merged({"password_md5": "0" * 32, "name": "n"}, {"password": "p"}) == {"password": "p", "name": "n"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("--base-url", "gw"), "x\n", 1, "base_url must begin with http"),
        (("--version", "3"), "x\n", 1, "version must be 1 or 17"),
        (("--version", "17"), "x\n", 2, "--aes-key-stdin"),
        (("--version", "17", "--aes-key-stdin"), "x\nshort\n", 1, "16, 24 or 32 bytes"),
        (("--signature", "【x】"), "x\n", 1, "bridge: "),
        ((), "", 2, "nothing came"),
    ],
)
def test_what_the_bridge_would_not_take_is_not_written(
    cli: Cli, secrets: FakeSecrets, *, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    done = cli(*SET, *arguments, stdin=stdin, expect=code)

    assert said in done.err
    assert written(secrets) == {}


def test_without_a_terminal_nobody_is_asked(cli: Cli, secrets: FakeSecrets) -> None:
    done = cli("accounts", "set", "default", "--base-url", "http://x", "--name", "x", expect=2)

    assert "--password-stdin" in done.err
    assert written(secrets) == {}


def test_at_a_terminal_somebody_is_asked(cli: Cli, secrets: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "s3cret!" if "Password" in text else "0123456789abcdef"

    monkeypatch.setattr("getpass.getpass", prompt)
    monkeypatch.setattr("local.cli.accounts._at_terminal", lambda: True)
    cli("accounts", "set", "default", "--base-url", "http://x", "--name", "x", "--version", "17")

    assert (written(secrets)["default"]["password"], written(secrets)["default"]["aes_key"]) == (
        "s3cret!",
        "0123456789abcdef",
    )
    assert len(asked) == 2


def test_there_is_no_option_that_takes_a_secret(cli: Cli) -> None:
    for option in ("--password", "--aes-key"):
        done = cli("accounts", "set", "default", f"{option}=s3cret!", expect=2)
        assert "s3cret!" not in done.out


def test_accounts_are_listed_without_their_secrets_and_removed(cli: Cli, secrets: FakeSecrets) -> None:
    wrong = {"base_url": "ftp://x", "name": "n", "password": "s3cret!", "pasword": "s3cret!"}
    secrets.set(json.dumps({"a": WRITTEN, "b": wrong, "c": 3}))

    plain, document = cli("accounts", "list"), cli("accounts", "list", "--json").document

    assert "s3cret!" not in plain.out + json.dumps(document)
    assert [(each["account"], each["usable"]) for each in document["items"]] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]
    cli("accounts", "remove", "b")
    assert sorted(written(secrets)) == ["a", "c"]
    cli("accounts", "remove", "b", expect=1)


@pytest.mark.parametrize("content", ["no json: s3cret!", "[]"])
def test_a_secret_that_holds_something_else_is_not_overwritten(cli: Cli, secrets: FakeSecrets, content: str) -> None:
    secrets.set(content)

    done = cli(*SET, stdin="x\n", expect=1)

    assert "not a JSON object" in done.err
    assert "s3cret!" not in done.err
    assert secrets.current == content


class Racing(FakeSecrets):
    """Somebody else is faster, so many times; their change counts one up."""

    def interfere(self) -> None:
        known = written(self)
        known["other"] = {"n": known.get("other", {}).get("n", 0) + 1}
        self.set(json.dumps(known))


def change(secrets: FakeSecrets, edit: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    return AccountsSecret(secrets, "accounts").change(edit)  # type: ignore[arg-type]  # as much as is called


def adds(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda accounts: accounts.update({name: {"n": 1}})


def test_two_changes_at_once_are_both_there() -> None:
    secrets = Racing(interfering=3)

    before, after = change(secrets, adds("mine"))

    assert written(secrets) == {"mine": {"n": 1}, "other": {"n": 3}} == after
    assert before == {"other": {"n": 3}}


def test_who_is_never_fast_enough_says_so_and_changes_nothing() -> None:
    secrets = Racing(interfering=100)

    with pytest.raises(Failure, match="Others change"):
        change(secrets, adds("mine"))

    assert "mine" not in written(secrets)


def test_nothing_but_the_current_and_the_previous_version_keeps_a_label() -> None:
    secrets = Racing(interfering=2)

    change(secrets, adds("mine"))

    assert sorted(secrets.labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_what_changes_nothing_writes_nothing() -> None:
    secrets = FakeSecrets()

    change(secrets, lambda _: None)

    assert len(secrets.versions) == 1


def test_the_names_are_the_bridges_own() -> None:
    assert module.NAME.pattern == accounts_secret._NAME.pattern
    assert module.POLICY == accounts_secret._POLICY
    assert (module.PREVIOUS, module.ROTATED) == (accounts_secret._PREVIOUS, ROTATED)
    assert problems("a b", WRITTEN)
    assert problems("default", WRITTEN) == []


def test_differences_and_listings_show_no_secret() -> None:
    old = {"password": "s3cret!", "aes_key": "k" * 16, "odd": "s3cret!"}
    new = {"password_md5": "s3cret!", "aes_key": "l" * 16}

    assert "s3cret!" not in str(differences(old, new)) + str(shown(old))
    assert "kkk" not in str(differences(old, new))
    assert ("aes_key", "(set)", "(set), another") in differences(old, new)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (problem(502, "gateway-refused", gateway_code=107), "password", "password is wrong"),
        (problem(502, "gateway-refused", gateway_code=106), "clock", "zone"),
        (problem(503, "gateway-refused", gateway_code=204), "address-not-allowed", "allow-list"),
        (problem(503, "gateway-refused", gateway_code=302), "refused", "suspended"),
        (problem(503, "gateway-unreachable"), "gateway-unreachable", "NAT gateway"),
        (problem(502, "account-not-configured"), "account-not-configured", "accounts set"),
        (problem(403, "not-allowed"), "not-allowed", "keys list"),
    ],
)
def test_through_the_bridge_it_is_said_in_the_same_words(
    cli: Cli, api: StubApi, answer: Any, kind: str, said: str
) -> None:
    api.will(answer)

    done = cli("accounts", "test", "default", "--through-bridge", expect=1)

    assert said in done.out
    [item] = cli("accounts", "test", "default", "--through-bridge", "--json", expect=1).document["items"]
    assert (item["ok"], item["problem"]) == (False, kind)


def test_an_account_that_is_not_there_is_answered_with_those_that_are(cli: Cli, secrets: FakeSecrets) -> None:
    secrets.set(json.dumps({"a": WRITTEN, "b": WRITTEN}))

    assert "there are: a, b" in cli("accounts", "test", "c", expect=1).err
