"""A name server of a test's own, on a port of this machine."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]
"""Name and type → the records' texts, as in a zone file."""


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """Answers for the names of a zone, for all others that they do not exist; its HOST:PORT."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.1)
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, zone, over), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(5)


def _serve(listener: socket.socket, zone: Zone, over: threading.Event) -> None:
    while not over.is_set():
        try:
            wire, sender = listener.recvfrom(4096)
        except TimeoutError:
            continue
        listener.sendto(_answer(dns.message.from_wire(wire), zone).to_wire(), sender)


def _answer(asked: dns.message.Message, zone: Zone) -> dns.message.Message:
    [question] = asked.question
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    answer = dns.message.make_response(asked, recursion_available=True)
    answer.flags |= dns.flags.AA
    records = zone.get((name, kind), ())
    if records:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
    elif name not in {known for known, _ in zone}:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer
