import pytest

from local.errors import BadSettings
from local.settings import Settings

GATEWAY = {"EUMS_BASE_URL": "https://sms.example.cn:8443/eums", "EUMS_NAME": "shop", "EUMS_PASSWORD": "secret"}


def test_without_variables_the_simulated_gateway_is_meant() -> None:
    settings = Settings.from_env({})

    assert settings.base_url is None
    assert (settings.aws_port, settings.gateway_port, settings.pull_seconds) == (4566, 8090, 2)
    assert (settings.account.name, settings.account.password, settings.account.version) == ("test", "123456", 1)
    assert settings.account.aes_key_bytes == b"0123456789abcdef"


def test_empty_variables_are_missing_ones() -> None:
    assert Settings.from_env({"EUMS_BASE_URL": "", "AWS_PORT": "", "EUMS_VERSION": ""}) == Settings.from_env({})


def test_another_gateway_gets_no_default_account() -> None:
    settings = Settings.from_env(GATEWAY)

    assert settings.base_url == "https://sms.example.cn:8443/eums"
    assert settings.account.name == "shop"
    assert settings.account.aes_key is None


def test_every_bad_value_is_named_in_one_error() -> None:
    environ = {
        "EUMS_BASE_URL": "sms.example.cn",
        "EUMS_VERSION": "18",
        "EUMS_METHOD": "PUT",
        "EUMS_AES_KEY_FORMAT": "octal",
        "AWS_PORT": "70000",
        "GATEWAY_PORT": "http",
        "PULL_SECONDS": "0",
    }

    with pytest.raises(BadSettings) as caught:
        Settings.from_env(environ)

    for name in (*environ, "EUMS_NAME", "EUMS_PASSWORD"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("key", "key_format", "size"),
    [
        ("0123456789abcdef", "text", 16),
        ("00112233445566778899aabbccddeeff0011223344556677", "hex", 24),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "base64", 32),
    ],
)
def test_an_aes_key_is_read_as_its_format_says(key: str, key_format: str, size: int) -> None:
    settings = Settings.from_env(
        GATEWAY | {"EUMS_VERSION": "17", "EUMS_AES_KEY": key, "EUMS_AES_KEY_FORMAT": key_format}
    )

    assert len(settings.account.aes_key_bytes or b"") == size


@pytest.mark.parametrize(
    ("key", "key_format"),
    [("too short", "text"), ("no hex at all!!!", "hex"), ("0011", "hex"), ("%%%%", "base64"), ("", "text")],
)
def test_version_17_needs_a_key_that_aes_takes_and_the_error_keeps_it(key: str, key_format: str) -> None:
    with pytest.raises(BadSettings, match="EUMS_AES_KEY") as caught:
        Settings.from_env(GATEWAY | {"EUMS_VERSION": "17", "EUMS_AES_KEY": key, "EUMS_AES_KEY_FORMAT": key_format})

    assert not key or key not in str(caught.value)


def test_the_two_ports_differ() -> None:
    with pytest.raises(BadSettings, match="the same as AWS_PORT"):
        Settings.from_env({"AWS_PORT": "5000", "GATEWAY_PORT": "5000"})


def test_a_gateway_elsewhere_leaves_the_port_of_the_simulated_one_alone() -> None:
    assert Settings.from_env(GATEWAY | {"AWS_PORT": "8090"}).aws_port == 8090


def test_no_secret_shows_when_settings_are_printed() -> None:
    shown = repr(Settings.from_env(GATEWAY | {"EUMS_AES_KEY": "0123456789abcdef"}))

    assert "secret" not in shown
    assert "0123456789abcdef" not in shown
