"""`python -m deploy.operations …`: the commands of those who run Milepost."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.local import dead_letters
from deploy.local.console import OUT, answer, complain, run, say
from deploy.local.home import SERVICES, LocalError
from deploy.operations import overview, settings_check, shown
from deploy.operations.doors import Item, ask, listed
from deploy.operations.people import erase_app, export_app
from deploy.operations.place import find_home, find_place
from deploy.operations.rebuilds import rebuild_app
from deploy.operations.shown import AsJson, StackFile

VERIFY_S: Final = 900.0

typer_app: Final = typer.Typer(
    help="What those who run Milepost look at and do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
letters_app: Final = typer.Typer(help="What could not be dealt with.", no_args_is_help=True)
config_app: Final = typer.Typer(help="The services' settings.", no_args_is_help=True)
typer_app.add_typer(letters_app, name="dead-letters")
typer_app.add_typer(config_app, name="config")
typer_app.add_typer(export_app, name="export")
typer_app.add_typer(erase_app, name="erase")

Most = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
PlanId = Annotated[str | None, typer.Option("--plan", help="Of one plan.")]
Period = Annotated[str | None, typer.Option(help="Of one period: 2026-03, or a week's Sunday.")]
State = Annotated[str | None, typer.Option(help="In one state.")]


def app() -> None:
    """Run a command."""
    run(typer_app)


@typer_app.command()
def status(*, stack: StackFile = None, json: AsJson = False) -> None:
    """Say how everything stands; exit status 1 when there is something to look at."""
    found = overview.look(find_place(stack))
    if json:
        shown.as_json(found)
    else:
        _show_status(found)
    if not found["ok"]:
        sys.exit(1)


def _show_status(found: Item) -> None:
    services = [{"service": name, **one} for name, one in found["services"].items()]
    shown.as_table("Services", ("service", "status", "wrong"), services)
    shown.as_table("Sources", ("source", "consumed_to", "lag"), found["sources"] or [])
    outboxes = [{"service": name, **(one or {})} for name, one in found["outbox"].items()]
    shown.as_table("Outboxes", ("service", "waiting", "oldest"), outboxes)
    for title in ("ticks", "mails", "dead_letters"):
        counts = found[title] or {}
        shown.as_table(title.replace("_", " ").capitalize(), tuple(counts), [counts])
    for line in overview.complaints(found):
        complain(line)


@letters_app.command("list")
def list_letters(
    *,
    stack: StackFile = None,
    json: AsJson = False,
    replayed: Annotated[bool, typer.Option(help="Those already replayed, too.")] = False,
) -> None:
    """List the dead letters of all services."""
    found = list(dead_letters.read(find_place(stack).description, replayed=replayed))
    if json:
        shown.as_json(found)
    else:
        columns = ("id", "service", "type", "pointer", "error", "failed_at", "replayed_at")
        shown.as_table("Dead letters", columns, found)


@letters_app.command("show")
def show_letter(
    letter_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    stack: StackFile = None,
    json: AsJson = False,
) -> None:
    """Show one dead letter: where it lay, and everything that is wrong with it."""
    letters = dead_letters.read(find_place(stack).description, replayed=True)
    found = next((one for one in letters if one["id"] == letter_id), None)
    if found is None:
        raise LocalError(f"no dead letter {letter_id}: `dead-letters list` names them")
    if json:
        shown.as_json(found)
        return
    told = [{"what": name, "is": value} for name, value in found.items() if name != "errors"]
    shown.as_table("Dead letter", ("what", "is"), told)
    shown.as_table("Wrong with it", ("pointer", "detail"), found["errors"])


@letters_app.command("replay")
def replay_letter(
    letter_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    stack: StackFile = None,
    value: Annotated[
        Path | None, typer.Option(help="A file with a mended value.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Send a dead letter to its topic again."""
    mended = value.read_bytes() if value else b""
    answer(dead_letters.replay(find_place(stack).description, letter_id, mended))


@typer_app.command()
def verify(*, stack: StackFile = None, json: AsJson = False) -> None:
    """Add every figure up anew in the running service; exit status 1 when one differs."""
    place = find_place(stack)
    with shown.progress(json_lines=json) as tell:
        tell("figures added up", 0, 0)
        found = ask(place, "progress", "POST", "/v1/verify", timeout_s=VERIFY_S)
    if json:
        shown.as_json(found)
    else:
        shown.as_table("Verified", tuple(found), [found])
    if found["differences"]:
        raise LocalError(f"{found['differences']} figures differ: `rebuild` puts them right")


typer_app.add_typer(rebuild_app)


@typer_app.command()
def ticks(
    *,
    stack: StackFile = None,
    json: AsJson = False,
    plan: PlanId = None,
    period: Period = None,
    state: State = None,
    limit: Most = 50,
) -> None:
    """List due ticks, the latest first, and what became of each."""
    wanted = {"plan_id": plan, "period": period, "state": state}
    columns = ("tick_id", "stream", "plan_id", "period", "due_at", "state", "deliveries", "reason")
    _list("ticks", columns, stack, limit, wanted, json=json)


@typer_app.command()
def deliveries(
    *,
    stack: StackFile = None,
    json: AsJson = False,
    plan: PlanId = None,
    period: Period = None,
    state: State = None,
    limit: Most = 50,
) -> None:
    """List mails, the latest first: when, to whom, state and attempts; never what they say."""
    wanted = {"plan_id": plan, "period": period, "state": state}
    told = ("delivery_id", "stream", "plan_id", "period", "recipient", "state", "attempts")
    _list("deliveries", (*told, "accepted_at", "last_error"), stack, limit, wanted, json=json)


def _list(
    name: str,
    columns: tuple[str, ...],
    stack: Path | None,
    limit: int,
    wanted: dict[str, str | None],
    *,
    json: bool,
) -> None:
    found = list(listed(find_place(stack), "notifier", f"/v1/{name}", limit, **wanted))
    if json:
        shown.as_json(found)
    else:
        shown.as_table(name.capitalize(), columns, found)


@config_app.command("check")
def check_config(
    services: Annotated[
        list[str] | None, typer.Argument(help="Which services; all of them without any.")
    ] = None,
    *,
    stack: StackFile = None,
    json: AsJson = False,
) -> None:
    """Name everything missing, wrong or contradictory in the environment; never a value."""
    chosen = services or list(SERVICES)
    if unknown := set(chosen) - set(SERVICES):
        raise LocalError(f"no such service: {', '.join(sorted(unknown))}; {', '.join(SERVICES)}")
    found = settings_check.check(find_home(stack), chosen)
    unread = list(settings_check.unknown_variables())
    if json:
        shown.as_json({"services": found, "unknown": unread})
    else:
        for one in found:
            for flaw in one["errors"]:
                complain(f"{one['service']}: {flaw}")
            if not one["errors"]:
                OUT.print(f"{one['service']} would start", markup=False)
        for variable in unread:
            say(f"{variable} is read by nothing: misspelled?")
    if any(one["errors"] for one in found):
        sys.exit(1)
