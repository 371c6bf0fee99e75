"""`python -m deploy.documents`: the committed documents of the doors, from what runs.

`docs/api/SERVICE.openapi.json` is what the service of a running local stack says of itself, and
`docs/api/asyncapi.json` follows from the services' door plates and the models of their events. So
do the schemas of each topic's values in `docs/api/schemas`, for whoever reads topics with Kafka
Connect or a schema registry. A test holds the committed files against all of it.
"""

import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from pydantic import BaseModel

from deploy.local.home import CHECKOUT, Home, read_json
from shared.events import deliveries, plans, progress, records, seller_plans, watermark
from shared.messaging.topics import INBOUND, TOPICS

SERVICES: Final = ("ingest", "plans", "progress", "notifier")
FOLDER: Final = CHECKOUT / "docs" / "api"
OWN_MODELS: Final[dict[str, type[BaseModel]]] = {
    plans.STRATEGY_DEFINED: plans.StrategySnapshot,
    plans.PLAN_DEFINED: plans.PlanSnapshot,
    plans.TICK_DUE: plans.TickDue,
    seller_plans.SELLER_PLAN_DEFINED: seller_plans.SellerPlanSnapshot,
    seller_plans.PARTICIPANT_CHANGED: seller_plans.ParticipantChanged,
    seller_plans.SELLER_TICK_DUE: seller_plans.SellerTickDue,
    progress.GOAL_CROSSED: progress.GoalCrossed,
    deliveries.DELIVERY_RECORDED: deliveries.DeliveryRecorded,
    watermark.WATERMARK_ADVANCED: watermark.WatermarkAdvanced,
}
"""The models of what the services tell each other; those of records are the contract's."""

Document = dict[str, Any]


def model_of(event_type: str) -> type[BaseModel]:
    """The model of an event's data. Raises KeyError for a type that nobody tells."""
    found = records.model_of(event_type)
    return found if found is not None else OWN_MODELS[event_type]


def openapi(stack: Mapping[str, Any]) -> dict[str, Document]:
    """Service → its OpenAPI document, from the services of a running stack."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        return {name: client.get(f"{stack[name]}/openapi.json").json() for name in SERVICES}


def asyncapi() -> Document:
    """The AsyncAPI document of all topics: which events, their data, who tells and who hears."""
    plates = {name: importlib.import_module(f"services.{name}.contract") for name in SERVICES}
    used: dict[str, set[str]] = {}
    for plate in plates.values():
        for topic, types in [*plate.CONSUMES.items(), *plate.PRODUCES.items()]:
            used.setdefault(topic, set()).update(types)
    schemas: Document = {}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Milepost",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes as `ce_` headers, "
            "the data as JSON. `ce_acceptedat` is the moment from which a thing is known.",
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: _channel(topic.name, sorted(used.get(topic.name, ()))) for topic in TOPICS
        },
        "operations": {
            f"{service}.{verb}.{topic}": _operation(verb, topic, types)
            for service, plate in plates.items()
            for verb, doors in (("receive", plate.CONSUMES), ("send", plate.PRODUCES))
            for topic, types in doors.items()
        },
        "components": {
            "messages": {
                name: _message(name, schemas) for name in sorted(set().union(*used.values()))
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _channel(topic: str, types: list[str]) -> Document:
    channel: Document = {"address": topic}
    if topic == INBOUND:
        channel["description"] = "CloudEvents of upstream systems, in structured or binary mode."
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in types}
    return {**channel, "messages": messages}


def _operation(verb: str, topic: str, types: list[str]) -> Document:
    # A slash in a JSON pointer's part is spelled ~1; topics and types hold none.
    messages = [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in sorted(types)]
    return {"action": verb, "channel": {"$ref": f"#/channels/{topic}"}, "messages": messages}


def _message(event_type: str, schemas: Document) -> Document:
    model = model_of(event_type)
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    payload = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"name": event_type, "contentType": "application/json", "payload": payload}


def schemas() -> Iterator[tuple[str, Document]]:
    """Topic → the JSON Schema (draft 7) of its values: any of its events' data."""
    document = asyncapi()
    known: Document = document["components"]["schemas"]
    for topic, channel in document["channels"].items():
        if not channel["messages"]:
            continue
        names = sorted({model_of(event_type).__name__ for event_type in channel["messages"]})
        needed = sorted(_reachable(names, known))
        told = {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": topic,
            "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names],
            "definitions": {name: known[name] for name in needed},
        }
        yield topic, json.loads(json.dumps(told).replace("#/components/schemas/", "#/definitions/"))


def _reachable(names: Iterable[str], known: Document) -> set[str]:
    """The schemas that some schemas need, themselves included."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r"#/components/schemas/(\w+)", json.dumps(known[name]))
    return found


def documents(stack: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """File name → content of every document."""
    for service, found in openapi(stack).items():
        yield f"{service}.openapi.json", _spelled(found)
    yield "asyncapi.json", _spelled(asyncapi())
    for topic, schema in schemas():
        yield f"schemas/{topic}.schema.json", _spelled(schema)


def _spelled(document: Document) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; fail where a file differs.")] = False,
) -> None:
    """Write the documents from the running local stack."""
    stack = read_json(Home.from_environment().stack_file)
    if not stack:
        sys.exit("error: no local stack runs here: `make up` first")
    (FOLDER / "schemas").mkdir(parents=True, exist_ok=True)
    stale = [name for name, content in documents(stack) if _is_stale(FOLDER / name, content)]
    if not check:
        for name, content in documents(stack):
            (FOLDER / name).write_text(content)
    sys.stdout.write("".join(f"{'differs' if check else 'written'}: {name}\n" for name in stale))
    raise typer.Exit(1 if check and stale else 0)


def _is_stale(file: Path, content: str) -> bool:
    return not file.exists() or file.read_text() != content


if __name__ == "__main__":
    typer.run(main)
