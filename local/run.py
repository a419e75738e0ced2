"""`make run`: the whole bridge on this machine, from nothing to served events, until Ctrl-C."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from local import accounts, env_file, lock, stack
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Aws, forget
from local.clients import SCOPES, Client, Clients
from local.console import Console
from local.emulator import Emulator
from local.errors import LocalError
from local.events import alone
from local.events.following import Messages, ShownTail
from local.events.page import PATH, EventsPage
from local.first_message import Journey
from local.gateway import Gateway, GatewayAccount
from local.interrupts import INTERRUPTS, Interrupted, follow_parent
from local.invoke import start_pulls
from local.outputs import Outputs
from local.places import Places
from local.ports import LOOPBACK, require_free, require_reachable
from local.settings import Account, Settings
from local.tail import show

ACCOUNT = "default"
"""The name of the account in the bridge."""
CLIENT = Client(client="local", accounts=("*",), default_account=ACCOUNT, scopes=SCOPES)


class Run:
    """One run: what it started, it stops, in the opposite order."""

    def __init__(self, settings: Settings, places: Places, console: Console, began: float) -> None:
        """Build it; nothing is started.

        Args:
            settings: the variables.
            places: the folder of this run.
            console: where a person looks.
            began: when the command was given, in seconds since the epoch.
        """
        self.settings = settings
        self.places = places
        self.console = console
        self.began = began
        self.aws = Aws(settings.aws_port)
        self.page = EventsPage()
        self._started = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        INTERRUPTS.quiet()
        self.console.end_line()
        self._started.close()

    def start(self) -> tuple[Emulator, Gateway | None, Outputs]:
        """Bring everything up.

        Raises:
            LocalError: what is in the way.
        """
        settings, places, console = self.settings, self.places, self.console
        self._started.enter_context(lock.hold(places.lock))
        places.outputs.unlink(missing_ok=True)
        places.env_file.unlink(missing_ok=True)
        gateway, gateway_url = self._gateway()
        with console.step(f"Starting MiniStack, the emulated AWS, on port {settings.aws_port}"):
            require_free(settings.aws_port, "AWS_PORT")
            emulator = Emulator(self.aws, places)
            self._started.callback(emulator.stop)
        with console.step("Building the application for this machine") as notes:
            if not stack.build(places, self.aws, heard=settings.verbose):
                notes.append("nothing changed")
        with console.step("Storing the gateway account"):
            emulator.wait()
            secret = accounts.create(self.aws, {ACCOUNT: (gateway_url, settings.account)})
        with console.step("Deploying the application"):
            parameters = {"PullSeconds": settings.pull_seconds, "AccountsSecretArn": secret}
            deployment = stack.deploy(places, self.aws, parameters, heard=settings.verbose)
            emulator.require_running()
        with console.step("Storing a client and its key, starting the pulls"):
            key = Clients(self.aws.dynamodb, deployment["ClientsTableName"]).create(CLIENT)
            start_pulls(self.aws, stack.STACK_NAME)
            self._started.callback(places.env_file.unlink, missing_ok=True)
            gateways = {ACCOUNT: (gateway_url, settings.account)}
            env_file.write(places.env_file, env_file.for_containers(self.aws, stack.STACK_NAME, gateways))
        outputs = Outputs(
            api_url=self.aws.api_url(deployment["ApiId"], stack.STAGE),
            api_key=key,
            region=REGION,
            aws_endpoint=self.aws.endpoint,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            delivery_queue_url=deployment["DeliveryQueueUrl"],
            inbound_queue_url=deployment["InboundQueueUrl"],
            topic_arn=deployment["EventsTopicArn"],
            journal_bucket=deployment["JournalBucketName"],
            gateway_url=gateway_url,
            stack_name=stack.STACK_NAME,
        )
        return emulator, gateway, outputs

    def serve(self, emulator: Emulator, gateway: Gateway | None, outputs: Outputs) -> None:
        """Tell how to reach it, show the first message, then follow the events until something ends it."""
        events = ShownTail(self.aws, outputs.topic_arn, self.page)
        self.page.find = Messages(outputs.api_url, outputs.api_key)
        pages = gateway.url if gateway is not None else self._events_alone()
        self._started.callback(self.places.outputs.unlink, missing_ok=True)
        outputs.write(self.places.outputs)
        self._tell(outputs, pages, simulated=gateway is not None)
        shown: set[str] = set()
        if gateway is not None:
            Journey(
                aws=self.aws,
                gateway=gateway,
                outputs=outputs,
                tail=events,
                places=self.places,
                console=self.console,
                began=self.began,
                shown=shown,
            ).walk()
        self.console.say()
        self.console.say("Serving; events are shown as they come. Ctrl-C ends it.")
        while True:
            emulator.require_running()
            for event in events.next():
                if event["id"] not in shown:
                    show(self.console, event)

    def _gateway(self) -> tuple[Gateway | None, str]:
        settings = self.settings
        if settings.base_url:
            with self.console.step(f"Looking for the gateway at {settings.base_url}"):
                require_reachable(settings.base_url)
            return None, settings.base_url
        with self.console.step(f"Starting the simulated gateway on port {settings.gateway_port}"):
            require_free(settings.gateway_port, "GATEWAY_PORT")
            mounted = {PATH: self.page.respond}
            gateway = Gateway([simulated(settings.account)], port=settings.gateway_port, mounted=mounted)
            with INTERRUPTS.shielded():
                gateway.start()
                self._started.callback(gateway.stop)
        return gateway, gateway.url

    def _events_alone(self) -> str | None:
        """Serve the events page where no simulated gateway does; it is no reason not to run that it cannot be."""
        port = self.settings.gateway_port
        with INTERRUPTS.shielded():
            try:
                server = alone.serve(self.page, port)
            except OSError as exc:
                self.console.say(f"  no events page: port {port} (GATEWAY_PORT) is not free: {exc.strerror}")
                return None
            self._started.callback(server.stop)
        return f"http://{LOOPBACK}:{port}"

    def _tell(self, outputs: Outputs, pages: str | None, *, simulated: bool) -> None:
        say, paint = self.console.say, self.console.paint
        say()
        say(paint(f"Ready {time.time() - self.began:.0f} s after the command.", "green"))
        say()
        shown = [("phones", f"{pages}/")] if simulated else []
        shown += [("events", f"{pages}{PATH}")] if pages else []
        for what, where in (
            *shown,
            ("API", outputs.api_url),
            ("API key", outputs.api_key),
            ("documentation", f"{outputs.api_url}/docs"),
            ("delivery events", outputs.delivery_queue_url),
            ("inbound messages", outputs.inbound_queue_url),
            ("all events", outputs.topic_arn),
            ("journal", f"s3://{outputs.journal_bucket}"),
            (
                "emulated AWS",
                f"{outputs.aws_endpoint}  region {REGION}, key {ACCESS_KEY_ID}, secret {SECRET_ACCESS_KEY}",
            ),
            ("simulated gateway" if simulated else "gateway", outputs.gateway_url),
            ("for scripts", str(_short(self.places.outputs))),
            ("logs", str(_short(self.places.log("*")))),
        ):
            say(f"  {what:<18} {paint(where, 'bold')}")
        say()
        say(f"  curl -H 'Authorization: Bearer {outputs.api_key}' -H 'Content-Type: application/json' \\")
        to = "+8613812345678" if simulated else "+86…"  # somebody's telephone, where the gateway is real
        say(f"""    -d '{{"to": "{to}", "text": "【京东】您的验证码是123456"}}' \\""")
        say(f"    {outputs.api_url}/messages")
        say()


def simulated(account: Account) -> GatewayAccount:
    """The simulated gateway's side of an account."""
    if account.aes_key_bytes is None:
        return GatewayAccount(name=account.name, password=account.password)
    return GatewayAccount(name=account.name, password=account.password, aes_key=account.aes_key_bytes)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main(arguments: Sequence[str]) -> int:
    """Run until Ctrl-C, SIGTERM or the end of `make`."""
    INTERRUPTS.install()
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--state", type=Path, help="the folder of this run, .local if not said otherwise")
    given = parser.parse_args(arguments)
    console = Console()
    places = Places(given.state.resolve()) if given.state else Places.default()
    made_at = os.environ.pop("MADE_AT", None)
    if made_at is not None:
        follow_parent()
    began = float(made_at or time.time())
    forget(os.environ)
    try:
        settings = Settings.from_env(os.environ)
        with Run(settings, places, console, began) as run:
            run.serve(*run.start())
    except Interrupted:
        console.say("Stopped.")
    except (LocalError, ClientError, BotoCoreError) as error:
        INTERRUPTS.quiet()
        sys.stderr.write(f"{console.paint('error', 'red')}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
