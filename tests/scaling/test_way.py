"""The simulated way, against what can be worked out by hand, and against the code and template that it stands for."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.adapters import events_topic, messages_table
from bridge.services import queueing
from tests.scaling import way as simulated
from tests.scaling.settings import TEMPLATE, Load, Settings, quotas, seconds
from tests.scaling.way import Way

SHORT = 120.0


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.of_template()


def work(what: str, memory: int) -> float:
    return seconds()[what] / (memory / 1769)


def test_the_simulation_does_what_the_code_does() -> None:
    assert events_topic._BATCH == simulated.PUBLISH_BATCH
    assert messages_table._BATCH_GET == simulated.OWNERS
    assert queueing._WITHIN == simulated.TURN


def test_the_settings_are_those_of_the_template(tmp_path: Path) -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    other = tmp_path / "template.yaml"
    other.write_text(template.replace("MaximumConcurrency: 2", "MaximumConcurrency: 9"), encoding="utf-8")

    assert Settings.of_template() == Settings.of_template(TEMPLATE)
    changed = Settings.of_template(other)
    assert [source.most for source in (changed.submit, changed.publish, changed.track, changed.fan_out)] == [9] * 4
    assert (changed.publish.batch, changed.publish.hidden) == (5, 360.0)
    assert changed.track.memory > changed.fan_out.memory
    assert (changed.track.window, changed.fan_out.window) == (5.0, 0.0)


def test_nothing_is_lost_on_the_way(settings: Settings) -> None:
    run = Way(Load(sends=30, queued=30, reports=50), settings, warm=0.0).run(SHORT)

    waiting = run.waiting()
    ends = run.ends
    assert ends["offered"] == pytest.approx(
        ends["sent"] + sum(run.refused().values()) + waiting["SendQueue"], abs=40
    )  # and what is being sent
    assert ends["reported"] == pytest.approx(ends["sent"] + 50 * SHORT, rel=0.1)
    assert ends["reported"] == pytest.approx(
        ends["published"] + waiting["at the gateway"] + waiting["PublishQueue"], abs=300
    )
    assert ends["published"] == pytest.approx(ends["tracked"] + waiting["TrackQueue"], abs=30)


def test_the_same_seed_is_the_same_run_and_another_is_not(settings: Settings) -> None:
    one, two, other = (Way(Load(sends=20), settings, seed=seed).run(SHORT) for seed in (1, 1, 2))
    assert one.ends == two.ends
    assert one.send.quantile(0.99) == two.send.quantile(0.99)
    assert one.ends != other.ends


def test_a_send_takes_its_work_its_round_trips_and_the_gateway(settings: Settings) -> None:
    run = Way(Load(sends=20), settings).run(300.0)

    known = seconds()
    expected = work("a send that its caller waits for", 512) + 3 * known["DynamoDB"] + known["the gateway"]
    assert run.send.mean == pytest.approx(expected, rel=0.03)
    assert run.a_second("sent") == pytest.approx(20, rel=0.05)
    assert run.bends() == []


def test_the_api_turns_away_what_is_too_much(settings: Settings) -> None:
    run = Way(Load(sends=200), settings).run(SHORT)

    assert run.a_second("sent") == pytest.approx(settings.api_rate, rel=0.02)
    assert run.bends()[0] == "ApiRateLimit"
    assert run.refused()["ApiRateLimit"] == pytest.approx(150 * SHORT, rel=0.05)


def test_the_lambdas_carry_what_little_says(settings: Settings) -> None:
    few = replace(settings, api_rate=1e4, api_burst=5e3).with_quotas(lambda_concurrency=102)
    run = Way(Load(sends=1000), few).run(SHORT)

    # Little's law. The reports keep six of the hundred busy at the most; and some are free now and then, by chance.
    each = run.send.mean
    assert 94 / each * 0.93 < run.a_second("sent") < 100 / each
    assert simulated.CONCURRENCY in run.bends()


def test_an_hours_partitions_take_four_thousand(settings: Settings) -> None:
    wide = replace(settings, api_rate=1e4, api_burst=5e3).with_quotas(lambda_concurrency=10_000)
    run = Way(Load(sends=6000, clients=3), wide).run(90.0)

    assert run.a_second("sent") == pytest.approx(4 * quotas()["partition_writes"], rel=0.03)
    assert simulated.HOURS in run.bends()


def test_queued_sends_keep_the_accounts_rate(settings: Settings) -> None:
    many = replace(settings, api_rate=1e3, api_burst=1e3, submit=replace(settings.submit, most=40))
    run = Way(Load(queued=300), many).run(SHORT)

    assert run.a_second("sent") == pytest.approx(settings.rate, rel=0.05)
    assert simulated.PACE in run.bends()


def test_a_minutes_partition_takes_an_entry_in_and_an_entry_out(settings: Settings) -> None:
    many = replace(settings, api_rate=1e4, api_burst=5e3, rate=2e3, submit=replace(settings.submit, most=60))
    run = Way(Load(queued=800, accounts=8), many).run(100.0)

    assert run.a_second("sent") == pytest.approx(quotas()["partition_writes"] / 2, rel=0.07)
    assert simulated.DUE in run.bends()


def test_two_submit_functions_send_ten_at_once(settings: Settings) -> None:
    run = Way(Load(queued=90), replace(settings, api_rate=1e3, api_burst=1e3)).run(300.0)

    known = seconds()
    # They wait together, for the slowest of ten, and share a processor.
    work_of_ten = 10 * (2 * work("a call of DynamoDB", 512) + work("a send that its caller waits for", 512))
    waits = 5 * known["DynamoDB"] + known["SNS"] + known["the gateway"]
    sent = run.a_second("sent")
    assert (
        settings.submit.most * 10 / (work_of_ten + 2.2 * waits)
        < sent
        < settings.submit.most * 10 / (work_of_ten + waits)
    )
    assert run.bends() == ["SubmitFunction"]


def test_two_track_functions_write_down_so_many(settings: Settings) -> None:
    run = Way(Load(reports=1500), replace(settings, publish=replace(settings.publish, most=20))).run(SHORT)

    each = work("a report, written down", 512) + 2 * seconds()["DynamoDB"] / settings.track.batch
    assert run.a_second("tracked") == pytest.approx(settings.track.most / each, rel=0.05)
    assert "TrackFunction" in run.bends()


def test_a_status_waits_for_a_full_batch_for_some_seconds(settings: Settings) -> None:
    few, many = (Way(Load(reports=reports), settings).run(600.0) for reports in (0.2, 60))

    assert few.status.quantile(0.5) - few.event.quantile(0.5) == pytest.approx(settings.track.window, rel=0.1)
    assert many.status.quantile(0.5) - many.event.quantile(0.5) < 1


def test_tallies_share_a_partition(settings: Settings) -> None:
    wide = replace(settings, publish=replace(settings.publish, most=50), track=replace(settings.track, most=50))
    run = Way(Load(reports=1000), wide.with_quotas(partition_writes=20)).run(SHORT)

    assert run.a_second("tracked") == pytest.approx(20 * settings.track.batch, rel=0.1)
    assert simulated.COUNTS in run.bends()


def test_one_pull_after_the_other_brings_so_many(settings: Settings) -> None:
    run = Way(Load(reports=1000, page=50, gateway_seconds=0.4), settings).run(300.0)

    known = seconds()
    each = 4 * work("a call of DynamoDB", 256) + 2 * known["DynamoDB"] + known["S3"] + known["SQS"] + 0.4
    assert run.a_second("published") == pytest.approx(50 / each, rel=0.03)
    assert run.bends()[0] == simulated.PULL


def test_sns_takes_no_more_than_its_quota(settings: Settings) -> None:
    small = replace(settings, publish=replace(settings.publish, most=4)).with_quotas(sns_messages=300)
    run = Way(Load(reports=500), small).run(300.0)

    assert 270 < run.a_second("published") <= 300 * 1.01
    assert simulated.TOPIC in run.bends()


def test_pages_that_fail_in_the_middle_are_published_twice(settings: Settings) -> None:
    crowded = replace(settings, publish=replace(settings.publish, most=40, hidden=20.0)).with_quotas(sns_messages=100)
    run = Way(Load(reports=500), crowded).run(300.0)

    assert run.ends["again"] > 100
    assert simulated.TOPIC in run.bends()
    assert run.a_second("published") <= 100 * 1.01


def test_a_slow_gateway_is_waited_for_until_it_is_too_late(settings: Settings) -> None:
    run = Way(Load(sends=40, gateway_rate=30), settings).run(300.0)

    assert run.a_second("sent") == pytest.approx(30, rel=0.03)
    assert run.send.quantile(0.99) > 15
    assert run.refused()[simulated.GATEWAY] > 0


def test_a_new_account_has_too_few_lambdas_for_all(settings: Settings) -> None:
    run = Way(Load(sends=40), settings.with_quotas(lambda_concurrency=10)).run(300.0)

    assert run.lambdas.most_used <= 10
    assert Way(Load(), settings).run(1.0).lambdas.used == 2  # the pulls run all the time
    assert run.bends() == [simulated.CONCURRENCY]


def test_reports_that_are_few_wait_for_the_next_pull(settings: Settings) -> None:
    run = Way(Load(reports=0.5), settings).run(1200.0)

    # By chance in a pause of five seconds, and then what a page takes.
    assert run.event.quantile(0.5) == pytest.approx(settings.pull_seconds / 2 + 0.4, rel=0.15)
    assert run.event.quantile(0.99) < settings.pull_seconds + 1.5
