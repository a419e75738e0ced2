from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import eums
from eums import CODES, Call, Code, Fault, Malformed, Outcome, classify, code_of

# Codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        (Fault.CALLER, [*range(108, 112), *range(113, 116), *range(127, 130), 401]),
        (Fault.BRIDGE, [*range(101, 108), 112, 116, *range(121, 127), 201, 206]),
        (Fault.NONE, [130]),
        (Fault.PACE, [131]),
        (Fault.FUNDS, [205]),
        (Fault.ACCOUNT, [202, 203, 204]),
        (Fault.GATEWAY, [*range(301, 310)]),
        (Fault.UNKNOWN, [999]),
    ],
)
def test_whose_fault_each_code_is(fault: Fault, numbers: list[int]) -> None:
    assert [code.number for code in CODES.values() if code.fault is fault] == numbers


def test_999_alone_settles_nothing() -> None:
    assert [code.number for code in CODES.values() if not code.definite] == [999]


def test_what_names_clock_password_or_cipher_is_definite_and_worth_another_try() -> None:
    worth = [code for code in CODES.values() if code.resign]
    assert [code.number for code in worth] == [106, 107, 121, 122, 123, 124, 125, 126, 206]
    assert [code.number for code in worth if code.of_password] == [107, 206]
    assert [code.number for code in worth if code.of_cipher] == [121, 122, 123, 124, 125, 126]
    assert all(code.definite for code in worth)


def test_another_account_or_channel_may_do_where_one_is_refused_and_never_where_nobody_knows() -> None:
    elsewhere = [number for number in range(1100) if code_of(number).of_account_or_channel]

    assert elsewhere == [*range(201, 207), *range(301, 312)]
    assert all(code_of(number).definite for number in elsewhere)


def test_a_code_that_is_not_listed_keeps_its_number() -> None:
    for number in (-1, 1, 500, 100_000):
        assert code_of(number).number == number
        assert code_of(number).fault is Fault.UNKNOWN
        assert code_of(number).definite
    assert code_of(311).fault is Fault.GATEWAY
    assert code_of(0).fault is Fault.NONE


def test_the_words_are_the_specifications_not_the_scanners() -> None:
    assert CODES[204].chinese == "账户 IP 未备案"
    assert all(code.chinese and code.english for code in CODES.values())


# Statuses ----------------------------------------------------------------------------------------------------


def undelivered(error_class: str) -> Outcome:
    return Outcome("undelivered", final=True, error_class=error_class)


@pytest.mark.parametrize("status", ["DELIVRD", "delivrd", " DELIVRD\n"])
def test_delivered(status: str) -> None:
    assert classify(status) == Outcome("delivered", final=True)


@pytest.mark.parametrize("status", ["DELIVERED", "DELIVRD2", "0", "000", "OK", "DELIV"])
def test_nothing_else_is_delivered(status: str) -> None:
    assert classify(status) == undelivered("unclassified")


@pytest.mark.parametrize("status", ["ACCEPTD", "acceptd", "UNKNOWN", "ML:0001", "ML0001", "MM:0000", "mm:12", "ML"])
def test_not_final(status: str) -> None:
    assert classify(status) == Outcome("pending", final=False)


@pytest.mark.parametrize(
    ("error_class", "statuses"),
    [
        ("invalid_number", "MK:0001 MK:0012 MN:0001 CB:0001 CB:0053 DB:0100 DB:0101 LT:0001 mk:0001 MK00001 MK1"),
        ("suspended", "MK:0004 MK:0005 MK:0013 DB:0102 DB:0103 MI:0013 MK00013 mk:13 MK-0013 MK：0013"),
        ("unreachable", "EXPIRED expired MI:0010 MI:0024 MK:0008 MK:0010 MK:0024"),
        ("mailbox_full", "MK:0017 MK:0022"),
        ("blacklisted", "BLACK MBBLACK DBBLACK BLOCKED DB:0141 DB:0144 MX:0013"),
        ("content_refused", "KEYWORD ID:0076 REJECT MK:0115 MK:0116"),
        ("signature", "SIGNERR SIGFAIL SIGNBLOCKED QM_FAIL XA:0003"),
        ("too_frequent", "DISTURB BEYONDM BEYONDH BEYONDD DB:0142 MA:0022"),
        ("no_route", "NOROUTE ROUTEERR IB:0008"),
        ("expired", "MI:0001 MI:9999 MI"),
        ("deleted", "MJ:0001 DELETED"),
        ("undeliverable", "MK:9999 MK:0000 UNDELIV"),
        ("rejected", "MN:0009 REJECTD"),
        ("other", "MH:0001"),
        ("no_answer", "MA:0001"),
        ("smsc_error", "MB:0001"),
        ("no_report", "MC:0001"),
        ("gateway_hop", "IA:0051 IB:0064 IC:0055"),
        ("prepaid", "CA:0051 CB:0007"),
        ("service_platform", "DA:0052 DB:0140"),
        ("service_provider", "SA:0001 SB:0002"),
        ("local_gateway", "ID:0012"),
        ("unclassified", "12 CU12 CU:0012 SGIP:7 2:12 2_12 CMPPERR:8 HD:31 MILK MX:0001 XA:9 ? 短信"),
    ],
)
def test_failures(error_class: str, statuses: str) -> None:
    assert {status: classify(status) for status in statuses.split()} == dict.fromkeys(
        statuses.split(), undelivered(error_class)
    )
    assert error_class in eums.ERROR_CLASSES


def test_an_empty_status_is_a_failure_too() -> None:
    assert classify("") == undelivered("unclassified")


# Errors ------------------------------------------------------------------------------------------------------

ERRORS = [
    eums.AccountError(["name is empty", "zone is unknown"]),
    eums.InvalidRequest("end_date", "lies before start_date"),
    eums.InvalidSubmit("dest", "names no number", code=104),
    eums.NotSent("refused"),
    eums.Refused(CODES[107], Call.SEND),
    eums.Refused(Code(77, "", "x", Fault.UNKNOWN)),
    eums.Ambiguous("no response in time", http_status=502, raw=b"secret bytes", code=CODES[999]),
    Malformed("broken", b"secret bytes"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling_and_show_no_bytes(error: eums.EumsError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert "secret" not in str(error) + repr(error)


def test_what_else_is_wrong_survives_too() -> None:
    error = eums.InvalidSubmit("dest", "names no number", code=104)
    error.further = (eums.InvalidSubmit("ext", "must be at most 20 digits", code=108),)

    [further] = pickle.loads(pickle.dumps(error)).further  # noqa: S301 - our own bytes
    assert vars(further) == vars(error.further[0])


def test_the_tree() -> None:
    assert issubclass(eums.InvalidSubmit, eums.InvalidRequest)
    assert issubclass(Malformed, eums.Ambiguous)
    assert all(isinstance(error, eums.EumsError) for error in ERRORS)


# Cipher ------------------------------------------------------------------------------------------------------

KEY = b"0123456789abcdef"


def test_a_hex_that_was_cut_yields_its_whole_blocks() -> None:
    text = "0123456789abcdef" * 2 + "rest"
    sealed = eums.encrypt_hex(text, KEY)

    assert eums.salvage_hex(sealed, KEY) == (text.encode(), False)
    for length in range(len(sealed)):
        assert eums.salvage_hex(sealed[:length], KEY) == (text.encode()[: length // 32 * 16], True)
    assert eums.salvage_hex(sealed[:40] + "?" + sealed[41:], KEY) == (text.encode()[:16], True)
    assert eums.salvage_hex("短信", KEY) == (b"", True)


@pytest.mark.parametrize("sealed", ["", "00", "zz" * 16, "00" * 16])
def test_decrypting_what_is_not_whole_is_an_error(sealed: str) -> None:
    with pytest.raises(Malformed):
        eums.decrypt_hex(sealed, KEY)


# The package -------------------------------------------------------------------------------------------------


def test_reading_needs_no_http_client() -> None:
    program = """
import sys
sys.path.insert(0, sys.argv[1])
import eums
eums.decode_reports(b'{"code":0}', eums.Account(base_url="http://h", name="n", password="p"))
assert "httpx" not in sys.modules
from eums import Client
assert "httpx" in sys.modules and Client is eums.Client
"""
    layer = str(Path(eums.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program, layer], check=True)  # noqa: S603 - our own program


def test_everything_public_is_there_and_nothing_else_is_promised() -> None:
    assert all(hasattr(eums, name) for name in eums.__all__)
    assert set(eums.__all__) <= set(dir(eums))
    with pytest.raises(AttributeError, match="no attribute 'client2'"):
        _ = eums.client2


def test_records_are_frozen_and_slotted() -> None:
    records = [
        eums.Submit, eums.Accepted, eums.Inbound, eums.DayStatistics, eums.Quarantined, eums.Page,
        eums.Reply, eums.Request, eums.Account, eums.Code, eums.Outcome,
    ]  # fmt: skip
    for record in records:
        assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses do not declare it
        assert not hasattr(record, "__dict__") or "__slots__" in vars(record)
        assert dataclasses.is_dataclass(record)
    assert issubclass(eums.Report, tuple)
    assert vars(eums.Report)["__slots__"] == ()
