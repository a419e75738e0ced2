"""How much of its memory each built function takes: when it is ready, and with the largest page that it may get.

What it takes when ready is a fresh process's, as in `importing`; what the page adds is the peak of Python's own count,
over the fakes.
"""

import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bridge.adapters.events_topic import EventsTopic
from bridge.domain.pulls import Kind
from local.artifacts import Build, sdk_only
from local.places import Places
from tests.bench import importing
from tests.bench.frame import finish
from tests.bench.metered import template
from tests.bench.publishing import client, world_with

RECORDS: Final = 10_000  # of a page; the specification's own pages have at most 1,000
GOAL: Final = 2 / 3  # of the setting: a third to spare


def settings() -> dict[str, int]:
    """The MB that the template gives each function."""
    document: Any = template()
    usual = int(document["Globals"]["Function"]["MemorySize"])
    return {
        name: int(each["Properties"].get("MemorySize", usual))
        for name, each in document["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
    }


def pages() -> dict[str, float]:
    """The MB that a page of reports adds to the functions that pages go through."""
    world, reply = world_with(RECORDS)
    sns = client()
    topic = EventsTopic(lambda: sns, "arn:aws-cn:sns:cn-north-1:123456789012:events")
    pulling, publishing = world.pulling(topic), world.publishing(topic)
    world.gateway.pages = [reply]

    def peak(run: Callable[[], object]) -> float:
        tracemalloc.start()
        run()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most / 2**20

    pulled = peak(lambda: pulling.pull("default", Kind.REPORTS))
    published = peak(lambda: publishing.publish(world.pointers.keys.pop()))
    body = len(reply.body) / 2**20  # which the client reads into a buffer and hands over as bytes
    return {
        "PullReportsFunction": pulled + 2 * body,
        "PullInboundFunction": pulled + 2 * body,
        "PublishFunction": published + body,
    }


def main() -> int:
    places = Places.default()
    python = places.tool("ministack", "python")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = dict(importing.sides(Build.read(places.build), sdk_only(python, Path(scratch))))
        ready = {name: importing.took(python, argument)[1] for name, argument in arguments.items()}
    added, given = pages(), settings()
    shares = {
        f"{name} of {given[name]} MB, {'with a page' if name in added else 'ready'}": (most + added.get(name, 0))
        / given[name]
        for name, most in ready.items()
        if name in given
    }
    sizes = {f"MB that a page of {RECORDS:,} reports adds to {name}": most for name, most in added.items()}
    return finish(shares | sizes, dict.fromkeys(shares, round(GOAL, 3)))


if __name__ == "__main__":
    sys.exit(main())
