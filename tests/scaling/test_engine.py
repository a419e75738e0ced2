"""The simulation's own parts, against what queueing theory says of them."""

import itertools
import math
from collections.abc import Iterator

import pytest

from tests.scaling.engine import Bucket, Capacity, Lot, Queue, Rate, Simulation, Times, Workers


def erlang_b(load: float, servers: int) -> float:
    """The share that is turned away: Erlang's loss formula."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(load: float, servers: int) -> float:
    """The share that has to wait: Erlang's delay formula."""
    blocked = erlang_b(load, servers)
    return blocked / (1 - load / servers * (1 - blocked))


class Shop:
    """Customers by chance, servers whose times are exponential: M/M/c."""

    def __init__(self, *, a_second: float, mean: float, servers: int, batch: float = 1, grain: int = 1) -> None:
        self.simulation = Simulation(7)
        self.times, self.waits = Times(), Times()
        self.served = 0.0
        self.lengths: list[float] = []
        self._a_second, self._mean, self._grain = a_second, mean, grain
        self.workers = Workers(self.simulation, most=servers, batch=batch, serve=self._serve)

    def run(self, until: float) -> None:
        self._come()
        for number in range(int(until)):
            self.simulation.after(float(number), self._look)
        self.simulation.run(until)

    def _come(self) -> None:
        self.workers.put([Lot(self._grain, self.simulation.now)])
        self.simulation.after(self.simulation.random.expovariate(self._a_second / self._grain), self._come)

    def _look(self) -> None:
        self.lengths.append(self.workers.queue.length + self.workers.busy)

    def _serve(self, lots: list[Lot], _workers: int) -> Iterator[float]:
        for lot in lots:
            self.waits.add(self.simulation.now - lot.since, lot.count)
            yield self.simulation.random.expovariate(1 / self._mean)
            self.times.add(self.simulation.now - lot.since, lot.count)
            self.served += lot.count


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.5), (1, 0.8), (3, 0.8), (10, 0.9)])
def test_who_waits_waits_as_long_as_erlang_says(servers: int, busy: float) -> None:
    shop = Shop(a_second=busy * servers, mean=1.0, servers=servers)

    shop.run(60_000.0 / servers)

    expected = erlang_c(busy * servers, servers) / (servers * (1 - busy))
    assert shop.waits.mean == pytest.approx(expected, rel=0.1)


def test_how_many_are_there_is_their_rate_times_their_time() -> None:
    shop = Shop(a_second=2.4, mean=1.0, servers=3)

    shop.run(15_000.0)

    # Little's law.
    assert sum(shop.lengths) / len(shop.lengths) == pytest.approx(2.4 * shop.times.mean, rel=0.03)


def test_the_time_of_one_server_has_the_tail_that_theory_gives_it() -> None:
    shop = Shop(a_second=0.5, mean=1.0, servers=1)

    shop.run(60_000.0)

    # The time in M/M/1 is exponential with the rate 1 - 0.5.
    assert shop.times.quantile(0.5) == pytest.approx(math.log(2) / 0.5, rel=0.05)
    assert shop.times.quantile(0.99) == pytest.approx(math.log(100) / 0.5, rel=0.1)


@pytest.mark.parametrize(("load", "servers"), [(5.0, 5), (12.0, 10), (2.0, 6)])
def test_who_finds_all_taken_is_turned_away_as_often_as_erlang_says(load: float, servers: int) -> None:
    simulation, capacity = Simulation(3), Capacity(servers)
    came, away = 0, 0

    def come() -> None:
        nonlocal came, away
        came += 1
        if capacity.take(1):
            simulation.after(simulation.random.expovariate(1.0), lambda: capacity.give_back(1))
        else:
            away += 1
        simulation.after(simulation.random.expovariate(load), come)

    come()
    simulation.run(20_000.0)

    assert away / came == pytest.approx(erlang_b(load, servers), rel=0.05, abs=0.0015)
    assert capacity.most_used <= servers


@pytest.mark.parametrize("servers", [1, 7, 50, 400])
def test_overloaded_workers_do_as_many_as_they_can_and_no_more(servers: int) -> None:
    done = 0.0
    simulation = Simulation(1)

    def serve(lots: list[Lot], workers: int) -> Iterator[float]:
        nonlocal done
        yield 0.5
        done += sum(lot.count for lot in lots)
        assert sum(lot.count for lot in lots) <= 10 * workers

    workers = Workers(simulation, most=servers, batch=10, serve=serve)
    workers.put([Lot(1e9, 0.0)])
    simulation.run(100.25)

    assert done == pytest.approx(servers * 10 / 0.5 * 100, rel=0.001)


def test_workers_that_begin_few_grow_in_number() -> None:
    simulation, most = Simulation(1), []
    workers = Workers(
        simulation, most=40, batch=1, serve=lambda _lots, _: iter([0.1]), begin_with=5, more_each_second=5
    )
    workers.put([Lot(1e6, 0.0)])
    for second in range(10):
        simulation.after(second + 0.05, lambda: most.append(workers.busy))

    simulation.run(10.0)

    assert most[:4] == [5, 10, 15, 20]
    assert most[-1] == 40


def test_workers_share_what_there_is_with_others() -> None:
    simulation, capacity = Simulation(1), Capacity(3)
    workers = Workers(simulation, most=10, batch=1, serve=lambda _lots, _: iter([1.0]), of=capacity)
    assert capacity.take(2)
    workers.put([Lot(5, 0.0)])
    assert (workers.busy, workers.starved) == (1, 1)

    capacity.give_back(2)
    assert workers.busy == 3
    simulation.run(10.0)
    assert (capacity.used, workers.queue.length) == (0, 0)


def test_a_rate_lets_through_so_many_and_makes_the_others_wait() -> None:
    rate = Rate(4.0)
    assert [rate.wait(0.0, 1.0) for _ in range(3)] == [0.0, 0.25, 0.5]
    assert rate.wait(0.0, 1.0, patience=0.7) is None
    assert rate.refused == 1.0
    assert rate.wait(0.75, 2.0) == 0.0
    assert rate.ahead(1.0) == 0.25


def test_a_bucket_turns_away_what_it_has_no_token_for() -> None:
    bucket = Bucket(per_second=50.0, burst=100.0)
    admitted = sum(bucket.admit(tick / 10, 100.0) for tick in range(601))
    assert admitted == pytest.approx(100 + 60 * 50, abs=1)
    assert bucket.refused == 601 * 100 - admitted


def test_a_queue_gives_first_what_came_first() -> None:
    queue = Queue()
    queue.put([Lot(3, 1.0), Lot(2, 2.0)])
    assert queue.take(4) == [Lot(3, 1.0), Lot(1, 2.0)]
    assert (queue.length, list(queue)) == (1, [Lot(1, 2.0)])


def test_quantiles_are_of_messages_and_not_of_lots() -> None:
    times = Times()
    times.add(1.0, 98)
    times.add(9.0, 2)
    assert (times.quantile(0.5), times.quantile(0.98), times.quantile(0.99)) == (1.0, 1.0, 9.0)
    assert times.mean == pytest.approx(1.16)
    assert math.isnan(Times().quantile(0.5))


@pytest.mark.parametrize("mean", [0.5, 8.0, 400.0])
def test_arrivals_have_the_mean_and_the_variance_of_poisson(mean: float) -> None:
    simulation = Simulation(5)
    drawn = [simulation.poisson(mean) for _ in range(20_000)]
    average = sum(drawn) / len(drawn)
    assert average == pytest.approx(mean, rel=0.03)
    assert sum((one - average) ** 2 for one in drawn) / len(drawn) == pytest.approx(mean, rel=0.05)


def test_times_with_a_tail_keep_their_mean() -> None:
    simulation = Simulation(5)
    drawn = [simulation.varied(0.1, 0.4) for _ in range(50_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.1, rel=0.01)


def test_what_was_asked_for_first_happens_first() -> None:
    simulation, happened, number = Simulation(1), [], itertools.count()
    for _ in range(3):
        simulation.after(1.0, lambda: happened.append(next(number)))
    simulation.after(0.5, lambda: happened.append(-1))
    simulation.run(0.9)
    assert (happened, simulation.now) == ([-1], 0.9)
    simulation.run(2.0)
    assert happened == [-1, 0, 1, 2]
