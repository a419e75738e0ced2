"""What the API says to those who call it, rightly or wrongly."""

import httpx
import pytest

from tests.e2e.deployed import Deployed

TEXT = "【京东】您的验证码是123456"


@pytest.mark.parametrize("path", ["health", "openapi.json", "docs"])
def test_three_pages_need_no_key(nobody: httpx.Client, path: str) -> None:
    response = nobody.get(path)

    assert response.status_code == 200, response.text


def test_the_description_is_openapi_and_the_documentation_is_a_page(nobody: httpx.Client) -> None:
    assert nobody.get("openapi.json").json()["openapi"].startswith("3.")
    assert nobody.get("docs").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("method", "path"), [("POST", "messages"), ("GET", "messages/x"), ("GET", "balance")])
def test_without_a_key_nothing_else_answers(nobody: httpx.Client, method: str, path: str) -> None:
    response = nobody.request(method, path, json={"to": "13812345678", "text": TEXT})

    assert response.status_code == 401, response.text


@pytest.mark.parametrize("credential", ["Bearer eb_wrong", "Bearer", "Basic dGVzdDp0ZXN0", "eb_wrong", "Bearer a b"])
def test_every_bad_credential_is_turned_away(nobody: httpx.Client, credential: str) -> None:
    response = nobody.get("balance", headers={"Authorization": credential})

    assert response.status_code in {401, 403}, response.text


def test_a_key_does_what_its_scopes_say(reader: httpx.Client) -> None:
    assert reader.get("balance").status_code == 200
    assert reader.post("messages", json={"to": "13812345678", "text": TEXT}).status_code == 403


def test_a_client_keeps_to_its_accounts(bank: httpx.Client) -> None:
    body = {"to": "13812345678", "text": TEXT, "account": "encrypted"}

    assert bank.post("messages", json=body).status_code == 403


def test_a_bad_body_is_answered_with_every_problem(shop: httpx.Client) -> None:
    body = {"to": ["12345", "13812345678"], "text": "", "client_reference": "x" * 129, "colour": "red"}

    response = shop.post("messages", json=body)

    assert response.status_code == 422, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert {error["field"] for error in problem["errors"]} == {"to[0]", "text", "client_reference", "colour"}
    assert problem["status"] == 422
    assert problem["type"]
    assert problem["title"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_what_is_no_request_at_all_is_a_problem_too(shop: httpx.Client, body: bytes) -> None:
    response = shop.post("messages", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code in {400, 422}, response.text


def test_an_unknown_message_is_not_found(shop: httpx.Client) -> None:
    response = shop.get("messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR")

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")


def test_another_clients_message_is_not_found_either(shop: httpx.Client, bank: httpx.Client) -> None:
    sent = shop.post("messages", json={"to": "13812345678", "text": TEXT}).json()

    assert shop.get(f"messages/{sent['id']}").status_code == 200
    unknown = bank.get("messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR").json()
    hidden = bank.get(f"messages/{sent['id']}")
    assert hidden.status_code == 404
    assert {**hidden.json(), "request_id": None} == {**unknown, "request_id": None}


@pytest.mark.parametrize(("account", "name"), [("default", "test"), ("encrypted", "encrypted")])
def test_the_balance_is_the_gateways(deployed: Deployed, shop: httpx.Client, account: str, name: str) -> None:
    response = shop.get("balance", params={"account": account})

    assert response.status_code == 200, response.text
    balance = response.json()
    assert balance["account"] == account
    assert balance["balance"] == deployed.gateway.balance(name)
    assert balance["as_of"]


def test_statistics_are_the_gateways_three_times_a_minute(shop: httpx.Client) -> None:
    # Other days each time: what was asked a moment ago is not asked again. Eight, since a minute may turn meanwhile.
    answers = [
        shop.get("statistics", params={"account": "counted", "start_date": "2021-02-01", "end_date": f"2021-02-1{day}"})
        for day in range(8)
    ]

    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    statistics = answers[0].json()
    assert statistics["account"] == "counted"
    assert isinstance(statistics["items"], list)
    assert set(statistics["totals"]) == {"submitted", "delivered", "failed", "unknown"}
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "period",
    [
        {},
        {"start_date": "20210203", "end_date": "2021-02-04"},
        {"start_date": "2021-02-30", "end_date": "2021-03-01"},
        {"start_date": "2021-02-03"},
    ],
)
def test_statistics_need_two_days(shop: httpx.Client, period: dict[str, str]) -> None:
    response = shop.get("statistics", params=period)

    assert response.status_code == 422, response.text
    assert response.json()["errors"]
