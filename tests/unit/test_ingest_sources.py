"""The doors of sources: who is let in, what is answered, and that nothing else is."""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from deploy.local.home import CHECKOUT
from services.ingest.handlers.sources import open_sources
from tests.store.ingest_parts import NOW_MS, Data, Ingest

SECRET = "a-secret-of-sixteen"
SAMPLES = Path(__file__).parents[1] / "sources" / "samples"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
OPEN = {
    f"MILEPOST_SOURCE_{name}_SECRET": SECRET
    for name in (
        "HUBSPOT_DEALS",
        "SALESFORCE_OPPORTUNITIES",
        "DYNAMICS_OPPORTUNITIES",
        "GRAPH_EVENTS",
        "GOOGLE_CALENDAR",
    )
} | {"MILEPOST_SOURCE_GRAPH_EVENTS_KEY": PEM}


def make(**settings: Any) -> Ingest:
    sources = open_sources(CHECKOUT / "deploy" / "sources", OPEN)
    return Ingest(None, sources=sources, **settings)


@pytest.fixture
def ingest() -> Ingest:
    return make()


def sample(name: str, case: str) -> bytes:
    return (SAMPLES / name / f"{case}.json").read_bytes()


async def post(
    ingest: Ingest, name: str, body: bytes, query: str = "", **headers: str
) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    transport = httpx.ASGITransport(ingest.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        return await client.post(f"/v1/sources/{name}{query}", content=body, headers=named)


# --- HubSpot -------------------------------------------------------------------------------------
DOOR = "http://ingest.test/v1/sources/hubspot-deals"


def signed(body: bytes, *, address: str = DOOR, at: int = NOW_MS, secret: str = SECRET) -> Data:
    text = f"POST{address}".encode() + body + str(at).encode()
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return {
        "X_HubSpot_Request_Timestamp": str(at),
        "X_HubSpot_Signature_v3": base64.b64encode(mac).decode(),
    }


async def test_a_signed_deal_is_published(ingest: Ingest) -> None:
    body = sample("hubspot-deals", "workflow-closed-won")
    answer = await post(ingest, "hubspot-deals", body, **signed(body))
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"accepted": 1, "ignored": 0, "rejected": []}
    [deal] = ingest.published.of("deal")
    assert (deal["deal_id"], deal["amount"], deal["status"]) == (
        "18402207711",
        "12500.50",
        "closed_won",
    )


async def test_what_gives_no_event_is_ignored_and_the_rest_goes_on(ingest: Ingest) -> None:
    body = sample("hubspot-deals", "subscription")
    answer = await post(ingest, "hubspot-deals", body, **signed(body))
    assert answer.json() == {"accepted": 1, "ignored": 3, "rejected": []}
    assert len(ingest.published.of("deal", "deleted")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another-secret-of-them"},
        {"address": "http://other.test/v1/sources/hubspot-deals"},
        {"at": NOW_MS - 301_000},
        {"at": NOW_MS + 301_000},
    ],
)
async def test_another_signature_is_refused(ingest: Ingest, change: Data) -> None:
    body = sample("hubspot-deals", "workflow-closed-won")
    answer = await post(ingest, "hubspot-deals", body, **signed(body, **change))
    assert answer.status_code == 401
    assert ingest.published.entries == []


@pytest.mark.parametrize("lost", ["X_HubSpot_Request_Timestamp", "X_HubSpot_Signature_v3"])
async def test_a_request_without_its_signature_is_refused(ingest: Ingest, lost: str) -> None:
    headers = {name: value for name, value in signed(b"[]").items() if name != lost}
    assert (await post(ingest, "hubspot-deals", b"[]", **headers)).status_code == 401


@pytest.mark.parametrize("at", ["", "soon", "-1", "3.5", "9" * 40])
async def test_a_time_that_is_none_is_refused(ingest: Ingest, at: str) -> None:
    headers = signed(b"[]") | {"X_HubSpot_Request_Timestamp": at}
    assert (await post(ingest, "hubspot-deals", b"[]", **headers)).status_code == 401


async def test_a_body_that_was_changed_is_refused(ingest: Ingest) -> None:
    body = sample("hubspot-deals", "workflow-closed-won")
    changed = body.replace(b"12500.50", b"92500.50")
    assert (await post(ingest, "hubspot-deals", changed, **signed(body))).status_code == 401


async def test_behind_a_proxy_the_public_address_is_what_was_signed() -> None:
    ingest = make(public_url="https://milepost.example/in/")
    address = "https://milepost.example/in/v1/sources/hubspot-deals?a=x:y"
    answer = await post(
        ingest, "hubspot-deals", b"[]", "?a=x%3Ay", **signed(b"[]", address=address)
    )
    assert answer.status_code == 202


# --- shared secrets -------------------------------------------------------------------------------


def basic(secret: str = SECRET, user: str = "milepost") -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


async def test_salesforce_shows_its_password(ingest: Ingest) -> None:
    body = sample("salesforce-opportunities", "create")
    answer = await post(ingest, "salesforce-opportunities", body, Authorization=basic())
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    "shown",
    ["", "Basic", "Basic !", "Basic /w==", f"Bearer {SECRET}", basic("wrong"), basic(user="other")],
)
async def test_another_password_is_refused(ingest: Ingest, shown: str) -> None:
    answer = await post(ingest, "salesforce-opportunities", b"[]", Authorization=shown)
    assert answer.status_code == 401
    assert SECRET not in answer.text


async def test_dynamics_shows_its_key_in_a_header(ingest: Ingest) -> None:
    body = sample("dynamics-opportunities", "won")
    answer = await post(ingest, "dynamics-opportunities", body, x_milepost_key=SECRET)
    assert answer.json()["accepted"] == 1
    assert (await post(ingest, "dynamics-opportunities", body)).status_code == 401


async def test_a_secret_in_the_query_opens_where_the_mapping_says_so(tmp_path: Path) -> None:
    text = (CHECKOUT / "deploy" / "sources" / "dynamics-opportunities.yaml").read_text()
    old = "{scheme: header, name: x-milepost-key}"
    (tmp_path / "d365.yaml").write_text(text.replace(old, "{scheme: query, name: code}"))
    sources = open_sources(tmp_path, {"MILEPOST_SOURCE_D365_SECRET": SECRET})
    ingest = Ingest(None, sources=sources)
    body = sample("dynamics-opportunities", "won")
    assert (await post(ingest, "d365", body, f"?code={SECRET}")).status_code == 202
    assert (await post(ingest, "d365", body, "?code=other")).status_code == 401


# --- Google --------------------------------------------------------------------------------------


async def test_googles_channel_shows_its_token(ingest: Ingest) -> None:
    body = sample("google-calendar", "changes")
    answer = await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    assert answer.json() == {"accepted": 3, "ignored": 0, "rejected": []}
    assert (await post(ingest, "google-calendar", body)).status_code == 401


async def test_a_notification_without_a_body_is_answered(ingest: Ingest) -> None:
    headers = {"X_Goog_Channel_Token": SECRET, "X_Goog_Resource_State": "sync"}
    answer = await post(ingest, "google-calendar", b"", **headers)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 0, "ignored": 0, "rejected": []}


# --- Graph ---------------------------------------------------------------------------------------


async def test_graphs_question_is_answered_with_its_token(ingest: Ingest) -> None:
    answer = await post(ingest, "graph-events", b"", "?validationToken=a%20%3Cb%3E%26c")
    assert (answer.status_code, answer.text) == (200, "a <b>&c")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_token_opens_no_other_door(ingest: Ingest) -> None:
    answer = await post(ingest, "salesforce-opportunities", b"[]", "?validationToken=t")
    assert answer.status_code == 401


async def test_notifications_repeat_the_secret(ingest: Ingest) -> None:
    answer = await post(ingest, "graph-events", sample("graph-events", "organizers-copy"))
    assert answer.json()["accepted"] == 1


def test_the_samples_secret_is_this_one() -> None:
    assert SECRET.encode() in sample("graph-events", "organizers-copy")


@pytest.mark.parametrize("state", ["another", "", None, 7])
async def test_one_notification_without_the_secret_refuses_all(ingest: Ingest, state: Any) -> None:
    payload = json.loads(sample("graph-events", "attendees-copies"))
    payload["value"][1]["clientState"] = state
    answer = await post(ingest, "graph-events", json.dumps(payload).encode())
    assert answer.status_code == 401
    assert ingest.published.entries == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": []}', b'{"value": [1]}', b"7"])
async def test_no_notification_shows_no_secret(ingest: Ingest, body: bytes) -> None:
    assert (await post(ingest, "graph-events", body)).status_code == 401


def sealed(content: Data, key: rsa.RSAPublicKey) -> Data:
    """As the documentation of change notifications describes it."""
    secret = os.urandom(32)
    pad = PKCS7(128).padder()
    padded = pad.update(json.dumps(content).encode()) + pad.finalize()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    data = encryptor.update(padded) + encryptor.finalize()
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303 - the vendor's choice
    found = {
        "data": data,
        "dataSignature": hmac.new(secret, data, hashlib.sha256).digest(),
        "dataKey": key.encrypt(secret, oaep),
    }
    return {name: base64.b64encode(value).decode() for name, value in found.items()}


def encrypted(key: rsa.RSAPublicKey) -> Data:
    payload: Data = json.loads(sample("graph-events", "organizers-copy"))
    [entry] = payload["value"]
    content = entry["resourceData"]
    entry["resourceData"] = {"@odata.type": "#microsoft.graph.event", "id": content["id"]}
    entry["encryptedContent"] = sealed(content, key) | {"encryptionCertificateId": "c1"}
    return payload


async def test_encrypted_content_is_read_with_the_sources_key(ingest: Ingest) -> None:
    body = json.dumps(encrypted(KEY.public_key())).encode()
    answer = await post(ingest, "graph-events", body)
    assert answer.json() == {"accepted": 1, "ignored": 0, "rejected": []}
    [meeting] = ingest.published.of("interaction")
    assert meeting["participants"][0] == {"address": "ada@example.com", "role": "organizer"}


@pytest.mark.parametrize("part", ["data", "dataSignature", "dataKey"])
@pytest.mark.parametrize("how", ["other", "none", "garbled"])
async def test_content_that_cannot_be_opened_is_refused(
    ingest: Ingest, part: str, how: str
) -> None:
    payload = encrypted(KEY.public_key())
    content = payload["value"][0]["encryptedContent"]
    match how:
        case "other":
            content[part] = sealed({"id": "x"}, KEY.public_key())[part]
        case "none":
            del content[part]
        case _:
            content[part] = "?"
    answer = await post(ingest, "graph-events", json.dumps(payload).encode())
    assert answer.status_code == 422
    assert "encryptedContent" in answer.json()["errors"][0]["detail"]
    assert ingest.published.entries == []


async def test_content_for_another_key_is_refused(ingest: Ingest) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    answer = await post(ingest, "graph-events", json.dumps(encrypted(other)).encode())
    assert answer.status_code == 422


# --- as at every door -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["graph-mail", "nobody", "Hubspot-Deals"])
async def test_without_a_mapping_and_its_secret_there_is_no_door(ingest: Ingest, name: str) -> None:
    assert (await post(ingest, name, b"[]", X_Milepost_Key=SECRET)).status_code == 404


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "the body is not valid JSON"),
        (b"\xff", "the body is not valid UTF-8"),
        (b'{"items": 7}', "items: gives no list for this payload"),
    ],
)
async def test_what_cannot_be_read_is_told(ingest: Ingest, body: bytes, told: str) -> None:
    answer = await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"].startswith(told)


async def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    ingest = make(max_body=8 * 1024 * 1024)
    body = b" " * (8 * 1024 * 1024 + 1)
    answer = await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    assert answer.status_code == 413


async def test_too_much_at_once_is_told_to_come_back() -> None:
    ingest = make(max_bytes_in_flight=8 * 1024 * 1024)
    body = b" " * (8 * 1024 * 1024 + 1)
    answer = await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


async def test_while_kafka_is_away_nothing_is_accepted(ingest: Ingest) -> None:
    ingest.published.away = True
    body = sample("google-calendar", "changes")
    answer = await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


async def test_a_repeated_payload_tells_the_same(ingest: Ingest) -> None:
    body = sample("google-calendar", "changes")
    for _ in range(2):
        await post(ingest, "google-calendar", body, X_Goog_Channel_Token=SECRET)
    values = [value for _, _, value, _ in ingest.published.entries]
    assert values[:3] == values[3:]
