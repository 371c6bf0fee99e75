"""The doctor on a real mail server with STARTTLS, a database, and a name server of its own."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from deploy.local.home import CHECKOUT
from tests.backends.database import Database
from tests.chaos.mail_processes import environment_for
from tests.chaos.replicas import free_port
from tests.store.name_server import Zone, name_server
from tests.unit.test_notifier_dkim import RSA, SIGNERS, pem
from tests.unit.test_notifier_targets import certificate

Data = dict[str, Any]
RECORD = SIGNERS["rsa"].record
GOOD: Zone = {
    ("mail.example", "TXT"): ['"v=spf1 mx -all"'],
    ("mail.example", "MX"): ["10 mx.mail.example."],
    ("2026a._domainkey.mail.example", "TXT"): [f'"{RECORD[:200]}" "{RECORD[200:]}"'],
    ("_dmarc.mail.example", "TXT"): ['"v=DMARC1; p=reject"'],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Data]:
    """A mail server that asks for STARTTLS, and the settings that lead to it."""
    made, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
    )
    controller.start()
    yield {
        "smtp_host": "localhost",
        "smtp_port": controller.port,
        "smtp_tls": "starttls",
        "smtp_ca_file": made,
        "dkim_selector": "2026a",
        "dkim_key": pem(RSA),
    }
    controller.stop()


def examined(
    database: Database, settings: Mapping[str, Any], *arguments: str
) -> tuple[int, str, str]:
    told = environment_for(database.url("notifier"), "http://127.0.0.1:9", **settings)
    done = subprocess.run(
        [sys.executable, "-m", "services.notifier", "doctor", *arguments],
        cwd=CHECKOUT,
        env=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def findings(
    database: Database, settings: Mapping[str, Any], zone: Zone
) -> tuple[int, dict[str, Data]]:
    with name_server(zone) as address:
        status, out, err = examined(database, settings, "--json", "--name-server", address)
    assert out, err
    told = json.loads(out)
    assert told["status"] == status
    return status, {one["matter"]: one for one in told["findings"]}


def test_nothing_is_wrong_where_everything_is_right(
    module_database: Database, server: Data
) -> None:
    status, found = findings(module_database, server, GOOD)
    assert {name: one["state"] for name, one in found.items()} == {
        "mail server": "ok",
        "certificate": "warning",  # the test's own is good for a day
        "dkim": "ok",
        "spf": "ok",
        "dmarc": "ok",
        "mx": "ok",
        "clock": "ok",
    }
    assert "TLSv1.3" in found["mail server"]["found"]
    assert "the database" in found["clock"]["found"]
    assert status == 0


def test_what_is_wrong_is_told_with_what_to_do(module_database: Database, server: Data) -> None:
    zone = {("mail.example", "TXT"): ['"v=spf1 +all"'], ("mail.example", "MX"): ["0 ."]}
    status, found = findings(module_database, server, zone)
    wrong = {name for name, one in found.items() if one["state"] == "wrong"}
    assert wrong == {"spf", "dkim", "dmarc", "mx"}
    assert RECORD in found["dkim"]["todo"]
    assert "2026a._domainkey.mail.example" in found["dkim"]["todo"]
    assert status == 1


def test_a_mail_server_that_is_not_trusted_or_not_there_is_told(
    module_database: Database, server: Data
) -> None:
    untrusted = {name: value for name, value in server.items() if name != "smtp_ca_file"}
    status, found = findings(module_database, untrusted, GOOD)
    assert (status, found["mail server"]["state"]) == (1, "wrong")
    assert "certificate" in found["mail server"]["found"].lower()
    away = server | {"smtp_port": free_port()}
    status, found = findings(module_database, away, GOOD)
    assert (status, found["mail server"]["state"]) == (1, "wrong")


def test_it_works_without_dns_and_says_so(module_database: Database, server: Data) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    status, out, _ = examined(module_database, server, "--name-server", nobody)
    assert "no name server answers" in out
    assert out.count("no name server") == 1
    assert "takes mails" in out
    assert status == 3


def test_without_a_signature_it_says_how_to_have_one(
    module_database: Database, server: Data
) -> None:
    unsigned = {name: value for name, value in server.items() if not name.startswith("dkim")}
    status, found = findings(module_database, unsigned, GOOD)
    assert (status, found["dkim"]["state"]) == (1, "wrong")
    assert "MILEPOST_DKIM_SELECTOR" in found["dkim"]["todo"]


def test_a_key_never_stands_in_what_is_told(module_database: Database, server: Data) -> None:
    with name_server({}) as address:
        _, out, err = examined(module_database, server, "--name-server", address)
    secret = "".join(pem(RSA).splitlines()[1:-1])
    assert secret[:40] not in out + err


def test_settings_that_cannot_be_served_end_it_as_they_end_the_service(
    module_database: Database,
) -> None:
    status, _, err = examined(module_database, {"dkim_selector": "2026a"})
    assert status == 78
    assert "MILEPOST_DKIM_KEY" in err
