"""`export person` and `erase person`: what is held of somebody as a participant, and an end of it.

An insight is for its person alone (`GET /v1/me/export`): no operator's command shows one.
"""

from typing import Annotated, Any, Final

import typer

from deploy.local.console import say
from deploy.operations import shown
from deploy.operations.doors import ask
from deploy.operations.place import Place, find_place
from deploy.operations.shown import AsJson, StackFile

export_app: Final = typer.Typer(help="What is held of somebody.", no_args_is_help=True)
erase_app: Final = typer.Typer(help="Forgetting somebody.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(metavar="EMAIL")]


# A command alone in its group would lose its name.
@export_app.callback()
@erase_app.callback()
def _grouped() -> None: ...


@export_app.command("person")
def export_person(email: Address, *, stack: StackFile = None, json: AsJson = False) -> None:
    """Tell what plans and the notifier hold of a person: never an insight, never a mail."""
    found = _held(find_place(stack), email)
    if json:
        shown.as_json(found)
        return
    plans, mails = found["plans"], found["notifier"]
    takes_part = ("seller_plan_id", "name", "participant_id", "joined_at")
    shown.as_table("Takes part in", takes_part, plans["participations"])
    shown.as_table("On the list of drafts", ("seller_plan_id", "name"), plans["candidate_of"])
    sent = ("stream", "plan_id", "period", "state", "due_at", "accepted_at")
    shown.as_table("Mails", sent, mails["deliveries"])
    shown.as_table("Chose", ("stream", "stopped_since", "locale"), mails["streams"])
    say("opted out" if plans["opted_out"] else "not opted out")
    say("insights are for the person alone: its page, or GET /v1/me/export with its own token")


@erase_app.command("person")
def erase_person(
    email: Address,
    *,
    stack: StackFile = None,
    json: AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Opt a person out in its stead: its address goes from every table that a plan put it into.

    What the company's systems tell of everybody stays until they tell that it is deleted.
    """
    place = find_place(stack)
    if not yes:
        typer.confirm(f"End every participation of {email} and never take it in again?", abort=True)
    found = ask(place, "plans", "POST", "/v1/people/erase", json={"email": email})
    if json:
        shown.as_json(found)
        return
    say(f"{found['participations_ended']} participations ended; opted out")
    say("the notifier and progress follow by Kafka: `export person` shows when they have")


def _held(place: Place, email: str) -> dict[str, Any]:
    asked = {"email": email}
    return {
        service: ask(place, service, "POST", "/v1/people/held", json=asked)
        for service in ("plans", "notifier")
    }
