from local.accounts import as_secret
from local.settings import Account


def test_an_account_in_clear() -> None:
    account = Account(name="test", password="123456", method="GET")

    assert as_secret("http://127.0.0.1:8090", account) == {
        "base_url": "http://127.0.0.1:8090",
        "name": "test",
        "password": "123456",
        "version": 1,
        "method": "GET",
    }


def test_an_account_with_a_pace() -> None:
    account = Account(name="test", password="123456", rate=7)
    assert as_secret("http://127.0.0.1:8090", account)["bridge"] == {"rate": 7}


def test_an_account_with_aes() -> None:
    account = Account(name="test", password="123456", version=17, aes_key="3031", aes_key_format="hex")

    stored = as_secret("http://127.0.0.1:8090", account)

    assert (stored["version"], stored["aes_key"], stored["aes_key_format"]) == (17, "3031", "hex")
    assert "method" not in stored
