"""`docs/scaling.md` says what the simulation says, and where each quota was read."""

import json
import re
from pathlib import Path

import pytest

from tests.scaling.__main__ import DOCUMENT, between, quota_table, stamp, written
from tests.scaling.scenarios import SCENARIOS, rows, short, table
from tests.scaling.settings import HERE, Settings

AGAIN = "run `make scaling`, and read what is said around the tables"


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_tables_are_of_these_settings_quotas_times_and_model(document: str) -> None:
    assert stamp(Settings.of_template()) in between(document, "stamp"), AGAIN
    assert between(document, "quotas") == quota_table(), AGAIN


def test_another_setting_or_quota_makes_another_stamp() -> None:
    settings = Settings.of_template()
    assert stamp(settings) == stamp(Settings.of_template())
    assert stamp(settings.with_quotas(sns_messages=1)) != stamp(settings)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_scenario_has_its_table(document: str, scenario: object) -> None:
    [one] = [each for each in SCENARIOS if each is scenario]
    lines = between(document, one.name).splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] == [
        "as the template is",
        *(step.what for step in one.steps),
    ], AGAIN
    assert f"## {one.title}\n" in document


@pytest.mark.parametrize("name", ["ten", "slow-gateway"])
def test_a_table_is_what_its_simulation_gives(document: str, name: str) -> None:
    [scenario] = [each for each in SCENARIOS if each.name == name]
    said, given = between(document, name), table(rows(scenario, Settings.of_template()))
    # Another machine's arithmetic may differ in the last digit, and then in a time; not in what is reached or bends.
    for one, other in zip(said.splitlines(), given.splitlines(), strict=True):
        assert [one.split("|")[place] for place in (1, 2, -2)] == [other.split("|")[place] for place in (1, 2, -2)]


def test_every_quota_says_where_and_when_it_was_read() -> None:
    known = json.loads((HERE / "quotas.json").read_text(encoding="utf-8"))["quotas"]
    for name, quota in known.items():
        assert quota.keys() == {"service", "what", "value", "adjustable", "source", "read", "checked"}, name
        assert re.fullmatch(r"https://\S+", quota["source"]), name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", quota["read"]), name
        assert quota["value"] > 0, name
        assert isinstance(quota["adjustable"], bool), name
        assert isinstance(quota["checked"], bool), name


def test_text_goes_between_its_own_marks() -> None:
    document = "a\n<!-- scaling x -->\nold\n<!-- /scaling x -->\nb\n<!-- scaling y -->\n<!-- /scaling y -->\n"
    assert between(written(document, "x", "new\n"), "x") == "new\n"
    assert written(document, "x", "old\n") == document
    with pytest.raises(ValueError, match="no marks for z"):
        written(document, "z", "")
    with pytest.raises(ValueError, match="no marks for z"):
        between(document, "z")


@pytest.mark.parametrize(
    ("number", "text"), [(0.04, "0"), (9.96, "10"), (4.0, "4"), (7.74, "7.7"), (96.6, "97"), (112_345, "110,000")]
)
def test_numbers_have_two_digits(number: float, text: str) -> None:
    assert short(number) == text


def test_the_document_is_where_it_is_looked_for() -> None:
    assert Path("docs/scaling.md") == DOCUMENT.relative_to(HERE.parents[1])
