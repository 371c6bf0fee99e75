"""Traces: contexts in and out, links of batches, ids in log lines; nobody is asked to keep any."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.runtime import tracing

ONE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TWO = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    [span] = spans.get_finished_spans()
    return span


def test_a_request_goes_on_in_the_trace_of_whoever_asks(spans: InMemorySpanExporter) -> None:
    with tracing.serving("POST", ONE):
        carried = tracing.traceparent()
        line = tracing.add_trace(None, "info", {"event": "x"})
    assert carried is not None
    assert carried.split("-")[1] == ONE.split("-")[1] == line["trace_id"]
    assert carried.split("-")[2] == line["span_id"] != ONE.split("-")[2]
    assert only(spans).kind is trace.SpanKind.SERVER


@pytest.mark.parametrize("broken", [None, "", "nonsense", "00-0-0-0", ONE.replace("4bf9", "xxxx")])
def test_without_a_context_that_can_be_read_a_trace_begins(
    spans: InMemorySpanExporter, broken: str | None
) -> None:
    with tracing.serving("GET", broken):
        assert tracing.traceparent() is not None
    assert only(spans).parent is None


def test_outside_of_any_work_nothing_is_carried() -> None:
    assert tracing.traceparent() is None
    assert tracing.outgoing() == {}
    assert tracing.add_trace(None, "info", {"event": "x"}) == {"event": "x"}


def test_a_batch_links_to_each_context_once(spans: InMemorySpanExporter) -> None:
    other = ("ce_type", b"x")
    headers = [[other, ("traceparent", one.encode())] for one in (ONE, TWO, ONE)]
    links = tracing.links_of([*headers, [other], [("traceparent", b"\xff")]])
    with tracing.consuming("topic", 5, links):
        assert tracing.batch_links() == links
    assert tracing.batch_links() == ()
    assert [f"{one.context.trace_id:032x}" for one in only(spans).links] == [
        ONE.split("-")[1],
        TWO.split("-")[1],
    ]
    assert tracing.trace_ids(links * 2) == [ONE.split("-")[1], TWO.split("-")[1]]


def test_links_are_bounded() -> None:
    headers = [[("traceparent", f"00-{n + 1:032x}-{n + 1:016x}-01".encode())] for n in range(500)]
    links = tracing.links_of(headers)
    assert len(links) == tracing.MOST_LINKS
    assert len(tracing.trace_ids(links)) == tracing.NAMED


@pytest.mark.parametrize("identifier", ["01a21be7-6afb-7eb9-8014-6f7ae7e49470", "no uuid at all"])
def test_what_has_an_id_has_its_trace(spans: InMemorySpanExporter, identifier: str) -> None:
    context = tracing.named_context(identifier)
    assert context.is_valid
    assert tracing.context_of(tracing.spelled(context)) == context
    with tracing.within(context, "send mail"):
        pass
    span = only(spans)
    assert span.context is not None
    assert span.context.trace_id == context.trace_id
    if identifier != "no uuid at all":
        assert context.trace_id == UUID(identifier).int
