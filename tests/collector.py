"""Where tests see spans: a collector in their own process (OTLP over HTTP, decoded), or a tracer that keeps them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer


@dataclass
class Collector:
    """Received spans. go: clear it to make requests wait; status: of the answers."""

    url: str = ""
    spans: list[tuple[str, Span]] = field(default_factory=list)
    """(service name, span) in order of arrival."""
    paths: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    status: int = 200

    def named(self, name: str) -> list[Span]:
        return [span for _, span in self.spans if span.name == name]


def attributes(span: Span) -> dict[str, object]:
    """The attributes of a span by name."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens, until the end of the block."""
    collector = Collector()
    collector.go.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            collector.paths.append(self.path)
            collector.tokens.append(self.headers["Authorization"])
            collector.go.wait(20)
            if collector.status == 200:
                for resource in request.resource_spans:
                    named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        collector.spans += [(named["service.name"], span) for span in scope.spans]
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.go.set()
            server.shutdown()
            thread.join()


def keep_spans() -> tuple[Tracer, Callable[[], tuple[ReadableSpan, ...]]]:
    """A tracer, and what gives the spans that have ended, in that order."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider.get_tracer("test"), kept.get_finished_spans
