"""`python -m local.gateway`: run the simulated gateway until SIGINT or SIGTERM."""

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

from local.gateway import EmptyStyle, Gateway, GatewayAccount, GatewaySettings, read_aes_key

DEFAULT_PORT = "8090"
LAST_PORT = 65535


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    account, settings = GatewayAccount(), GatewaySettings()
    parser = argparse.ArgumentParser(
        prog="python -m local.gateway", description="A simulated EUMS V2.1 gateway on the loopback interface."
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=environ.get("GATEWAY_PORT") or DEFAULT_PORT,
        help="0 takes a free one (default: GATEWAY_PORT, or %(default)s)",
    )
    parser.add_argument("--name", default=account.name, help="the account (default: %(default)s)")
    parser.add_argument("--password", default=account.password, help="its password (default: %(default)s)")
    parser.add_argument("--versions", type=_versions, default=account.versions, help="1, 17 or 1,17 (default: 1,17)")
    parser.add_argument("--aes-key", default="0123456789abcdef", help="for version 17 (default: %(default)s)")
    parser.add_argument("--aes-key-format", choices=["text", "hex", "base64"], default="text")
    parser.add_argument("--balance", type=int, default=account.balance, help="messages (default: %(default)s)")
    parser.add_argument("--port-number", default=account.port_number, help="what handsets see (default: %(default)s)")
    parser.add_argument("--signature-required", action="store_true", help="content without 【签名】 is refused")
    parser.add_argument(
        "--report-delay", type=float, default=settings.report_delay, help="seconds (default: %(default)s)"
    )
    parser.add_argument(
        "--late-report-delay", type=float, default=settings.late_report_delay, help="seconds (default: %(default)s)"
    )
    parser.add_argument(
        "--page-size", type=int, default=settings.report_page_size, help="of reports and of MO messages"
    )
    parser.add_argument("--pull-interval", type=float, default=settings.pull_interval, help="seconds, else 131")
    parser.add_argument("--empty", choices=[style.value for style in EmptyStyle], default=settings.empty.value)
    return parser


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= LAST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port (--port, or GATEWAY_PORT)")


def _versions(text: str) -> frozenset[int]:
    return frozenset(int(version) for version in text.split(","))


def _gateway(options: argparse.Namespace) -> Gateway:
    account = GatewayAccount(
        name=options.name,
        password=options.password,
        versions=options.versions,
        aes_key=read_aes_key(options.aes_key, options.aes_key_format),
        balance=options.balance,
        port_number=options.port_number,
        signature_required=options.signature_required,
    )
    settings = GatewaySettings(
        report_delay=options.report_delay,
        late_report_delay=options.late_report_delay,
        report_page_size=options.page_size,
        mo_page_size=options.page_size,
        pull_interval=options.pull_interval,
        empty=EmptyStyle(options.empty),
    )
    return Gateway([account], settings=settings, port=options.port)


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run until a signal. Returns the exit status: 0, or 1 when the port is taken; wrong options exit with 2."""
    parser = _parser(environ)
    options = parser.parse_args(argv)
    try:
        gateway = _gateway(options)
    except ValueError as exc:
        parser.error(str(exc))
    ended = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: ended.set())
    try:
        gateway.start()
    except OSError as exc:
        reason = "taken" if exc.errno == errno.EADDRINUSE else f"not available ({exc.strerror})"
        sys.stderr.write(f"port {options.port} is {reason}: choose another with GATEWAY_PORT or --port\n")
        return 1
    try:
        sys.stdout.write(f"EUMS gateway at {gateway.url}, account {options.name}\n")
        sys.stdout.flush()
        ended.wait()
    finally:
        gateway.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
