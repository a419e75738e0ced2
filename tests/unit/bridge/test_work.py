import json

import pytest

from bridge.domain.ids import ulid
from bridge.domain.work import BatchWork, MessageWork, PlanWork, Work, work_of
from tests.fakes.world import NOON

ID = ulid(NOON, bytes(10))


@pytest.mark.parametrize(
    ("work", "body"),
    [
        (MessageWork(message_id=ID), {"message": ID}),
        (PlanWork(batch_id=ID), {"plan": ID}),
        (BatchWork(batch_id=ID, start=1), {"batch": ID, "from": 1}),
        (BatchWork(batch_id=ID, start=9_999), {"batch": ID, "from": 9_999}),
    ],
)
def test_work_is_a_small_pointer_and_is_read_back(work: Work, body: dict[str, object]) -> None:
    assert json.loads(work.body()) == body
    assert len(work.body()) < 100
    assert work_of(work.body()) == work


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        f'"{ID}"',
        '{"message": 7}',
        '{"message": "order-42"}',
        f'{{"message": "{ID.lower()}"}}',
        f'{{"message": "{ID}", "to": "x"}}',
        f'{{"plan": "{ID}", "batch": "{ID}"}}',
        '{"plan": null}',
        f'{{"batch": "{ID}"}}',
        f'{{"batch": "{ID}", "from": 0}}',
        f'{{"batch": "{ID}", "from": -1}}',
        f'{{"batch": "{ID}", "from": "1"}}',
        f'{{"batch": "{ID}", "from": 1.0}}',
        f'{{"batch": "{ID}", "from": true}}',
        '{"batch": "x", "from": 1}',
        f'{{"batch": "{ID}", "from": 1, "to": 2}}',
    ],
)
def test_what_is_no_work(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSONDecodeError is one
        work_of(body)
