"""`python -m deploy.local …`: the commands of the local stack."""

import asyncio
import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.local import clock as stack_clock
from deploy.local import dead_letters, issuer, sources
from deploy.local.console import OUT, answer, run, say
from deploy.local.home import PARTS, SERVICES, Home, LocalError, read_json
from deploy.local.stack import Stack
from shared.events.envelope import stamp
from shared.kernel.clock import SystemClock

typer_app: Final = typer.Typer(
    help="The local stack of Milepost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
letters_app: Final = typer.Typer(help="What could not be dealt with.")
typer_app.add_typer(letters_app, name="dead-letters")
sources_app: Final = typer.Typer(help="Mappings of other systems' payloads.", no_args_is_help=True)
typer_app.add_typer(sources_app, name="sources")


def app() -> None:
    """Run a command."""
    run(typer_app)


@typer_app.command()
def up(
    services: Annotated[
        str, typer.Option(help="Which services: a list with commas, or 'none'.")
    ] = ",".join(SERVICES),
) -> None:
    """Start everything that does not run yet and wait until it is ready."""
    home = Home.from_environment()
    began = time.monotonic()
    wanted = [] if services == "none" else services.split(",")
    if unknown := set(wanted) - set(SERVICES):
        raise LocalError(f"no such service: {', '.join(sorted(unknown))}")
    with home.lock():
        description = asyncio.run(Stack(home).up(wanted))
    say(f"the stack is up: {home.stack_file}", f"{time.monotonic() - began:.1f} s")
    for name in (*SERVICES, "mail_dir"):
        OUT.print(f"{name:9} {description[name]}", markup=False)


@typer_app.command()
def down(
    *, wipe: Annotated[bool, typer.Option(help="Forget the data and the clock too.")] = False
) -> None:
    """Stop everything."""
    home = Home.from_environment()
    if not home.folder.exists():
        return
    with home.lock():
        asyncio.run(Stack(home).down(wipe=wipe))
    say("the stack is down", "wiped" if wipe else "its data stays")


@typer_app.command()
def status() -> None:
    """Say what runs; exit status 1 when something that was started does not."""
    home = Home.from_environment()
    stack = Stack(home)
    for part in PARTS:
        process = stack.processes.alive(part)
        state = f"runs, pid {process.pid}" if process else "does not run"
        answer(f"{part:9} {state}, log {home.log(part)}")
    crashed = stack.crashed()
    if crashed:
        raise LocalError(f"ended by itself: {', '.join(crashed)}; `make up` starts it again")


@typer_app.command()
def env(service: Annotated[str, typer.Argument(help="One of the services.")]) -> None:
    """Print the environment of a service as shell lines, to run it by hand (in a debugger)."""
    for name, value in sorted(Stack(Home.from_environment()).environment(service).items()):
        answer(f"export {name}={shlex.quote(value)}")


@typer_app.command()
def token(
    role: Annotated[list[str], typer.Option(help="A role; may be given more than once.")],
    partner: Annotated[str | None, typer.Option(help="The partner's id.")] = None,
    email: Annotated[str | None, typer.Option(help="The person's address.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who it is, if not the address.")] = None,
) -> None:
    """Print a token of the stack's own issuer."""
    unknown = set(role) - set(issuer.ROLES)
    if unknown:
        raise LocalError(f"no such role: {', '.join(sorted(unknown))}; {', '.join(issuer.ROLES)}")
    holder = issuer.Holder(tuple(role), subject, partner, email)
    answer(issuer.issue(Home.from_environment(), holder))


@typer_app.command()
def clock(
    to: Annotated[str | None, typer.Argument(help="A time, such as 2026-03-01T08:00:00Z.")] = None,
) -> None:
    """Print the stack's time, or jump to a later one."""
    home = Home.from_environment()
    if to is not None:
        stack_clock.jump(home, stack_clock.parse_moment(to))
    answer(stamp(stack_clock.now(home)))


@letters_app.callback(invoke_without_command=True)
def list_dead_letters(
    context: typer.Context,
    *,
    replayed: Annotated[bool, typer.Option(help="Those already replayed, too.")] = False,
) -> None:
    """Print the dead letters of all services, one JSON object a line."""
    if context.invoked_subcommand is None:
        for letter in dead_letters.read(_description(), replayed=replayed):
            answer(json.dumps(letter, ensure_ascii=False))


@letters_app.command()
def replay(
    letter_id: Annotated[str, typer.Argument(metavar="ID")],
    value: Annotated[
        Path | None, typer.Option(help="A file with a mended value.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Send a dead letter to its topic again."""
    answer(dead_letters.replay(_description(), letter_id, value.read_bytes() if value else b""))


@sources_app.command("check")
def check_mappings(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
) -> None:
    """Say of mappings what is wrong with them, with its place in the file."""
    for file in files:
        mapping = sources.read(file)
        answer(f"{mapping.name}: in order")


@sources_app.command("test")
def try_mapping(
    file: Annotated[Path, typer.Argument(help="A mapping.", exists=True, dir_okay=False)],
    sample: Annotated[Path, typer.Argument(help="A payload.", exists=True, dir_okay=False)],
    received_at: Annotated[
        str | None, typer.Option(help="As if the payload came then; now without it.")
    ] = None,
) -> None:
    """Print the events that a mapping gives for a payload; exit status 1 when it rejects any."""
    moment = stack_clock.parse_moment(received_at) if received_at else SystemClock().now()
    found = sources.try_out(file, sample, moment)
    answer(json.dumps(found, indent=2, ensure_ascii=False))
    raise typer.Exit(1 if found["rejected"] else 0)


def _description() -> dead_letters.Description:
    home = Home.from_environment()
    found = read_json(home.stack_file)
    if not found:
        raise LocalError(f"no stack runs in {home.folder}: `make up` first")
    return found
