"""Traces by OpenTelemetry: contexts come in, go on and out; log lines carry their ids.

Spans are made whether or not somebody collects them, so that ids are always there; they are sent
only where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to. A batch of records has one span that links
to the contexts of its records: no span is made for a record (ADR 0074).
"""

import os
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from itertools import islice
from typing import Any, Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

HEADER: Final = "traceparent"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MOST_LINKS: Final = 32
"""Of a batch: more say nothing that a log could still be searched for."""
NAMED: Final = 8
"""Trace ids in a log line at most."""

_LAST_64: Final = (1 << 64) - 1
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)

Links = tuple[SpanContext, ...]
_tracer: Final = trace.get_tracer("milepost")
_links: ContextVar[Links] = ContextVar("links", default=())


def configure_tracing(service: str) -> None:
    """Make spans from now on, and send them where the environment says, if it does."""
    resource = Resource.create({"service.name": f"milepost-{service}"})
    provider = TracerProvider(resource=resource)
    if any(os.environ.get(name) for name in ENDPOINTS):
        # Costs memory, so it is only loaded where it is wanted.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def serving(method: str, traceparent: str | None) -> Iterator[Span]:
    """The span of a request, in the trace of whoever asks."""
    context = extract({HEADER: traceparent}) if traceparent else None
    with _tracer.start_as_current_span(method, context=context, kind=SpanKind.SERVER) as span:
        yield span


@contextmanager
def working(
    name: str, links: Links = (), kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> Iterator[Span]:
    """The span of some work that other work gave rise to."""
    with _tracer.start_as_current_span(
        name, kind=kind, links=[Link(one) for one in links], attributes=attributes
    ) as span:
        yield span


@contextmanager
def consuming(topic: str, records: int, links: Links) -> Iterator[None]:
    """The span of a batch; `batch_links` within it gives where its records came from."""
    kept = _links.set(links)
    try:
        with working(
            f"process {topic}",
            links,
            SpanKind.CONSUMER,
            **{"messaging.batch.message_count": records},
        ):
            yield
    finally:
        _links.reset(kept)


def batch_links() -> Links:
    """The contexts of the records that are being dealt with."""
    return _links.get()


def links_of(headers: Iterable[Sequence[tuple[str, bytes]]]) -> Links:
    """The different contexts among records' headers, up to a bound, in their order."""
    found: dict[bytes, None] = {}
    for record in headers:
        # The last header is the one: so the services write them, and this is a hot path.
        for name, value in record[-1:] if record and record[-1][0] == HEADER else record:
            if name == HEADER:
                found[value] = None
        if len(found) >= MOST_LINKS:
            break
    contexts = (context_of(one.decode("ascii", "replace")) for one in found)
    return tuple(one for one in contexts if one is not None)


def context_of(traceparent: str | None) -> SpanContext | None:
    """The context that a header names; None without one, or for one that cannot be read."""
    if not traceparent:
        return None
    context = trace.get_current_span(extract({HEADER: traceparent})).get_span_context()
    return context if context.is_valid else None


def named_context(identifier: str) -> SpanContext:
    """The context of what has an id: its trace is the id, so that nobody has to keep it.

    Takes a UUID; of any other text its digest is the trace.
    """
    try:
        number = UUID(identifier).int
    except ValueError:
        number = int.from_bytes(sha256(identifier.encode()).digest()[:16])
    return SpanContext(number, number & _LAST_64 or 1, is_remote=True, trace_flags=_SAMPLED)


def named_contexts(identifiers: Iterable[str]) -> Links:
    """The contexts of several, up to a bound."""
    return tuple(named_context(one) for one in islice(identifiers, MOST_LINKS))


@contextmanager
def within(context: SpanContext, name: str, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    """The span of some work in the trace of a context."""
    parent = trace.set_span_in_context(NonRecordingSpan(context))
    with _tracer.start_as_current_span(name, context=parent, kind=kind) as span:
        yield span


def spelled(context: SpanContext) -> str:
    """A context as the header has it."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def traceparent() -> str | None:
    """The context of the work that is going on, to be passed on; None outside of any."""
    return outgoing().get(HEADER)


def outgoing() -> dict[str, str]:
    """The headers that carry on the trace in a request."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return {HEADER: carrier[HEADER]} if HEADER in carrier else {}


def trace_ids(links: Links) -> list[str]:
    """Some of the traces of some contexts, as logs name them."""
    return list(dict.fromkeys(f"{one.trace_id:032x}" for one in links))[:NAMED]


def add_trace(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put the trace that is going on into a log line (a processor of structlog)."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event
