"""The presets on what their senders post: the whole text of each, with nothing but a number beside the preset."""

import json
from typing import Any

import pytest

from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.hook_mappings import DEEPEST, LARGEST, Draft, Reader, hook_data, parsed
from bridge.domain.hook_presets import PRESETS
from bridge.domain.hook_sources import HookMapping
from tests.fakes.hooks import payload

CASES: list[tuple[str, str, dict[str, str], list[str]]] = [
    (
        "alertmanager",
        "alertmanager",
        {},
        [
            "[FIRING:2] InstanceDown (critical)\n"  # noqa: ISC004 - one text
            "Instance db-1.example.org:9100 is down (db-1.example.org:9100)\n"
            "Instance db-2.example.org:9100 is down (db-2.example.org:9100)\n"
            "resolved: Instance web-1.example.org:9100 is down (web-1.example.org:9100)"
        ],
    ),
    (
        "alertmanager",
        "alertmanager-resolved",
        {},
        ["[RESOLVED] InstanceDown (critical)\nInstance db-1.example.org:9100 is down"],
    ),
    ("grafana", "grafana", {}, ["[FIRING:1] High memory usage\nMemory of zone us-1 is nearly used up"]),
    ("github", "github-ping", {"x-github-event": "ping"}, []),
    (
        "github",
        "github-push",
        {"x-github-event": "push"},
        ["[acme/shop] ada pushed 1 to refs/heads/main: Answer in time\n\nThe store was asked twice."],
    ),
    (
        "github",
        "github-issues",
        {"x-github-event": "issues"},
        ["[acme/shop] issue #17 opened by ada: Spelling of [退订] in the footer"],
    ),
    (
        "github",
        "github-workflow_run",
        {"x-github-event": "workflow_run"},
        ["[acme/shop] workflow CI #562 on main: failure"],
    ),
    ("github", "github-push", {"x-github-event": "star"}, ["[acme/shop] star  by ada"]),
    (
        "cloudevents",
        "cloudevents-structured",
        {"content-type": "application/cloudevents+json"},
        ["org.example.backup.failed nightly: Disk full after 17 of 20 volumes"],
    ),
    (
        "cloudevents",
        "cloudevents-binary",
        {
            "ce-specversion": "1.0",
            "ce-type": "org.example.backup.failed",
            "ce-source": "/cloud/storage/backups",
            "ce-subject": "nightly",
            "ce-id": "A234-1234-1234",
        },
        ["org.example.backup.failed nightly: Disk full after 17 of 20 volumes"],
    ),
    (
        "sns",
        "sns-cloudwatch-alarm",
        {"x-amz-sns-message-type": "Notification"},
        [
            "[ALARM] ApiErrors\nThe API answers with 5xx.\n"  # noqa: ISC004 - one text
            "Threshold Crossed: 1 out of the last 1 datapoints [7.0 (23/11/26 03:55:00)] was greater than the "
            "threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition)."
        ],
    ),
    ("plain", "plain", {}, ["【京东】您的包裹已到"]),
    ("apprise", "apprise", {}, ["[FAILURE] Backup failed\nDisk full after 17 of 20 volumes"]),
]


def data(name: str, headers: dict[str, str]) -> dict[str, Any]:
    shown = {header: (value,) for header, value in headers.items()}
    return hook_data("source", parsed(payload(name)), shown, frozenset())


@pytest.mark.parametrize(("preset", "name", "headers", "texts"), CASES)
def test_a_preset_makes_this_text(preset: str, name: str, headers: dict[str, str], texts: list[str]) -> None:
    drafts, more = Reader(PRESETS[preset]).drafts(data(name, headers), 20)

    assert [draft.text for draft in drafts] == texts
    assert more == 0


def test_every_preset_has_a_payload() -> None:
    assert {preset for preset, _, _, _ in CASES} == set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("body", [{}, [], None, 7, "x", {"alerts": None}, {"alerts": [None, 7, {}]}, {"Message": 7}])
def test_a_preset_on_what_it_does_not_expect_gives_a_text_or_says_why_not(preset: str, body: Any) -> None:
    problems: tuple[FieldProblem, ...] = ()
    try:
        Reader(PRESETS[preset]).drafts({"body": body, "headers": {}, "source": "x"}, 20)
    except InvalidRequest as exc:
        problems = exc.problems
    assert all(problem.field.startswith("mapping.") for problem in problems)


def test_plain_says_to_whom_and_what_about() -> None:
    ((draft,), _) = Reader(PRESETS["plain"]).drafts(data("plain", {}), 20)

    assert draft == Draft(
        to=("+8613812345678", "+8613800001234"), text="【京东】您的包裹已到", client_reference="order-42", account=None
    )


def test_sns_may_carry_a_text_too() -> None:
    body = {"Message": "The disk is full.", "Subject": "backup", "TopicArn": "t", "MessageId": "1"}
    ((draft,), _) = Reader(PRESETS["sns"]).drafts({"body": body, "headers": {}}, 20)

    assert draft.text == "backup: The disk is full."


def test_alerts_are_the_same_whoever_of_a_cluster_tells_them_and_others_are_not() -> None:
    read = Reader(PRESETS["alertmanager"])
    one = json.loads(payload("alertmanager"))
    other = {**one, "externalURL": "http://second.example.org"}
    ended = json.loads(payload("alertmanager-resolved"))

    def dedup(body: Any) -> str | None:
        return read.dedup({"body": body, "headers": {}, "source": "x"})

    assert dedup(one) == dedup(other) is not None
    assert dedup(one) != dedup(ended)


def test_an_event_is_its_source_and_id_in_both_modes() -> None:
    read = Reader(PRESETS["cloudevents"])
    headers = {"ce-source": "/cloud/storage/backups", "ce-id": "A234-1234-1234"}

    assert (
        read.dedup(data("cloudevents-structured", {}))
        == read.dedup(data("cloudevents-binary", headers))
        == '["/cloud/storage/backups", "A234-1234-1234"]'
    )


def mapped(body: Any, most: int = 20, **mapping: Any) -> tuple[list[Draft], int]:
    return Reader(HookMapping(**{"text": "x", **mapping})).drafts({"body": body, "headers": {}, "source": "s"}, most)


def test_one_message_for_each_item_and_the_first_so_many() -> None:
    body = {"orders": [{"id": number, "to": "13812345678", "sent": number % 2} for number in range(10)]}
    drafts, more = mapped(
        body,
        3,
        each="body.orders",
        when="item.sent == `1`",
        to="item.to",
        text="{{ item.id }}",
        client_reference="item.id",
    )

    assert [(draft.text, draft.to, draft.client_reference) for draft in drafts] == [
        (str(number), ("+8613812345678",), str(number)) for number in (1, 3, 5)
    ]
    assert more == 2


@pytest.mark.parametrize(
    ("mapping", "field", "reason"),
    [
        ({"each": "body.text"}, "mapping.each", "gave no list"),
        ({"to": "body.text"}, "mapping.to", "gave what is no mainland mobile number"),
        ({"to": "[body.number, body.text]"}, "mapping.to", "gave what is no mainland mobile number"),
        ({"to": "body"}, "mapping.to", "gave what is no mainland mobile number"),
        ({"text": "{{ body.nothing }}"}, "mapping.text", "gave no text"),
        ({"text": "{% if body.text < 7 %}x{% endif %}"}, "mapping.text", "compares values that cannot be compared"),
        ({"client_reference": "body"}, "mapping.client_reference", "gave neither text nor a whole number"),
        ({"account": "`true`"}, "mapping.account", "gave neither text nor a whole number"),
        ({"when": "length(`7`)"}, "mapping.when", "gives length a value of the wrong type"),
        ({"when": "abs(body.text)"}, "mapping.when", "gives abs a value of the wrong type"),
        ({"when": "abs()"}, "mapping.when", "calls abs with the wrong number of arguments"),
        ({"each": "body.list", "to": "item"}, "mapping.to", "gave what is no mainland mobile number for item 1"),
    ],
)
def test_what_a_mapping_refuses_is_said_in_plain_words(mapping: dict[str, Any], field: str, reason: str) -> None:
    body = {"text": "a secret", "number": "13812345678", "list": ["13812345678", "a secret"]}
    with pytest.raises(InvalidRequest) as caught:
        mapped(body, **mapping)

    assert [(problem.field, problem.message) for problem in caught.value.problems] == [(field, reason)]


def test_numbers_come_in_any_form_and_none_twice() -> None:
    ((draft,), _) = mapped({"to": ["13812345678", 8613812345678, " +8613800001234 "]}, to="body.to")

    assert draft.to == ("+8613812345678", "+8613800001234")
    assert mapped({}, to="body.to")[0][0].to == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "must be JSON, in UTF-8"),
        (b"{", "must be JSON, in UTF-8"),
        (b'{"a": NaN}', "must be JSON, in UTF-8"),
        (b"\xff\xfe\x00", "must be JSON, in UTF-8"),
        (b"[" * 100_000, "must be JSON, in UTF-8"),
        (b"9" * 5000, "must be JSON, in UTF-8"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), f"must not be nested deeper than {DEEPEST}"),
    ],
)
def test_what_is_no_json_or_too_deep_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(body)

    assert [problem.message for problem in caught.value.problems] == [reason]


def test_json_as_deep_as_it_may_be_is_read() -> None:
    assert parsed(b"[" * DEEPEST + b"]" * DEEPEST)
    assert LARGEST == 256 * 1024


def test_no_mapping_sees_a_secret() -> None:
    secret = ["authorization", "cookie", "x-hub-signature-256", "webhook-signature", "x-gitlab-token"]
    headers = dict.fromkeys([*secret, "x-event"], ("x",))

    assert hook_data("s", {}, headers, frozenset({"x-gitlab-token"}))["headers"] == {"x-event": "x"}


def test_every_problem_of_a_mapping_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Reader(HookMapping(each="[", when="nothing(@)", to="", text="{{ x() }}"))

    assert [(problem.field, problem.message) for problem in caught.value.problems] == [
        ("mapping.each", "is no JMESPath expression (at character 2)"),
        ("mapping.when", "calls a function that JMESPath does not have"),
        ("mapping.to", "must have 1 to 1000 characters"),
        ("mapping.text", "may not have calls (line 1)"),
    ]
