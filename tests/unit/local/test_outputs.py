import json
import stat
from pathlib import Path

import pytest

from local.errors import LocalError
from local.outputs import Outputs

# Scripts rely on these names.
NAMES = {
    "api_url",
    "api_key",
    "region",
    "aws_endpoint",
    "aws_access_key_id",
    "aws_secret_access_key",
    "delivery_queue_url",
    "inbound_queue_url",
    "topic_arn",
    "journal_bucket",
    "gateway_url",
    "stack_name",
}
OUTPUTS = Outputs(**{name: f"the {name}" for name in NAMES})


def test_the_file_has_exactly_the_promised_names(tmp_path: Path) -> None:
    OUTPUTS.write(tmp_path / "outputs.json")

    assert json.loads((tmp_path / "outputs.json").read_text()) == {name: f"the {name}" for name in NAMES}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    OUTPUTS.write(tmp_path / "outputs.json")

    assert stat.S_IMODE((tmp_path / "outputs.json").stat().st_mode) == 0o600


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    OUTPUTS.write(tmp_path / "outputs.json")

    assert [path.name for path in tmp_path.iterdir()] == ["outputs.json"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    OUTPUTS.write(tmp_path / "outputs.json")

    assert Outputs.read(tmp_path / "outputs.json") == OUTPUTS


def test_without_a_run_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="make run"):
        Outputs.read(tmp_path / "outputs.json")


def test_keys_do_not_show_when_outputs_are_printed() -> None:
    assert "the api_key" not in repr(OUTPUTS)
