"""The command: its groups, the options that stand before or behind everything, and how it ends."""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from local.cli import (
    account,
    accounts,
    batches,
    endpoints,
    events,
    hooks,
    keys,
    opt_outs,
    outputs,
    principals,
    replay,
    sending,
    twilio,
)
from local.cli.failures import FAILED, INTERRUPTED, USAGE, Failure
from local.cli.session import Session
from local.cli.stacks import Wanted
from local.errors import LocalError
from local.interrupts import INTERRUPTS, Interrupted

PROGRAM: Final = "eums-bridge"
_PANEL: Final = "For every command"


def _json(context: Any, _: Any, value: bool) -> None:  # noqa: FBT001 - as click calls it
    if value:
        context.obj.screen.json = True


def _stack(context: Any, parameter: Any, value: str | None) -> None:
    if value:
        known: Wanted = context.obj.wanted
        context.obj.wanted = Wanted(**{**vars(known), parameter.name: value})


def _everywhere() -> list[TyperOption]:
    """Options of the command and of each of its commands, so that they may stand before or behind its name."""
    flag = TyperOption(
        param_decls=["as_json", "--json"],
        is_flag=True,
        default=False,
        expose_value=False,
        callback=_json,
        help="One JSON document on stdout; everything else on stderr.",
        rich_help_panel=_PANEL,
    )
    return [
        flag,
        *(
            TyperOption(
                param_decls=[f"--{name}"],
                type=str,
                expose_value=False,
                callback=_stack,
                metavar="NAME",
                help=told,
                rich_help_panel=_PANEL,
            )
            for name, told in (
                ("stack", "A stack on AWS (or EUMS_BRIDGE_STACK); else the one that `make run` serves."),
                ("profile", "The AWS profile (or AWS_PROFILE)."),
                ("region", "The AWS region (or AWS_REGION)."),
            )
        ),
    ]


class Command(TyperCommand):
    """A command that takes them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_everywhere())


class Group(TyperGroup):
    """A group that takes them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_everywhere())


def build() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        cls=Group,
        name=PROGRAM,
        help="Send and follow text messages through eums-bridge, and operate it. "
        "Without --stack it talks to the stack that `make run` serves on this machine.",
        epilog="Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the outcome is not known, 130 interrupted.",
        no_args_is_help=True,
        # It would write into the shell's own files, and complete a name that is on no PATH.
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, command in sending.COMMANDS.items():
        app.command(name, cls=Command, rich_help_panel="Messages")(command)
    _group(app, "batch", batches, "Messages")
    _group(app, "opt-outs", opt_outs, "Messages")
    app.command("balance", cls=Command, rich_help_panel="Account")(account.balance)
    app.command("statistics", cls=Command, rich_help_panel="Account")(account.statistics)
    _group(app, "events", events, "Events")
    _group(app, "hooks", hooks, "Events")
    _group(app, "endpoints", endpoints, "Events")
    _group(app, "keys", keys, "Operate")
    _group(app, "principals", principals, "Operate")
    _group(app, "twilio", twilio, "Operate")
    _group(app, "accounts", accounts, "Operate")
    app.command("replay", cls=Command, rich_help_panel="Operate")(replay.replay)
    app.command("outputs", cls=Command, rich_help_panel="Operate")(outputs.outputs)
    return app


def _group(app: typer.Typer, name: str, module: Any, panel: str) -> None:
    group = typer.Typer(cls=Group, help=module.HELP, no_args_is_help=True)
    for command_name, command in module.COMMANDS.items():
        group.command(command_name, cls=Command)(command)
    app.add_typer(group, name=name, rich_help_panel=panel)


def run(arguments: Sequence[str]) -> int:
    """Carry out a command and return its exit code. Nothing that a person can cause ends in a traceback."""
    session = Session()
    try:
        with session.closing:
            ended = typer.main.get_command(build())(
                args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=session
            )
        return ended if isinstance(ended, int) else session.exit_code
    except TyperException as error:
        return _usage(session, error, arguments)
    except Failure as failure:
        session.screen.fail(failure)
        return failure.exit_code
    except LocalError as error:
        session.screen.fail(Failure(str(error)))
        return FAILED
    except (Interrupted, KeyboardInterrupt, typer.Abort):
        session.screen.note("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has seen enough. Python would say so once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _usage(session: Session, error: TyperException, arguments: Sequence[str]) -> int:
    if not error.format_message():  # no command at all: the help was shown
        return USAGE
    session.screen.json = "--json" in arguments  # it may have stood behind what was wrong
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    session.screen.fail(
        Failure(error.format_message(), f"Try: {path} --help", title="Usage", exit_code=USAGE),
    )
    return USAGE


def main() -> int:
    """The entry point."""
    INTERRUPTS.install()
    return run(sys.argv[1:])
