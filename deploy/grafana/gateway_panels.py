"""The dashboard of the HTTP API."""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from deploy.grafana.panels import lines, number


def gateway() -> list[Builder[Panel]]:
    """The HTTP API, from requests to publishing and answers."""
    by = "sum by ({}) (rate(mmdigit_gateway_{}[$__rate_interval]))".format
    p95 = "histogram_quantile(0.95, sum by (le) (rate(mmdigit_gateway_{}_bucket[$__rate_interval])))".format
    of_gateways = '{job="mmdigit-gateway"}'
    return [
        number("Gateways", f"sum(up{of_gateways})", "none", "That respond to Prometheus.", 4),
        number("Ready", "sum(mmdigit_gateway_ready)", "none", "That reach topic and store.", 4),
        number(
            "Requests per second", "sum(mmdigit:gateway_requests:rate1m)", "ops", "Answered, whatever the status.", 4
        ),
        number("Errors", "mmdigit:gateway_error_share5m", "percentunit", "Share of 5xx in five minutes.", 4),
        number("Backlog", "max(mmdigit_gateway_backlog_seconds)", "s", "How long a job waits for its outcome now.", 4),
        number("Streams", "sum(mmdigit_gateway_open_streams)", "none", "Event streams that are open.", 4),
        lines(
            "Requests by status", {"{{status}}": "mmdigit:gateway_requests:rate1m"}, "ops", "Per second.", stacked=True
        ),
        lines(
            "Answers",
            {f"{part}, wait: {{{{wait}}}}": f"mmdigit:gateway_seconds:{part}" for part in ("p50", "p95")},
            "s",
            "From a request's head to the end of its answer, without batches, exports and forms. wait: for the job.",
        ),
        lines("Requests by operation", {"{{operation}}": by("operation", "requests_total")}, "ops", "Per second.", 8),
        lines(
            "Jobs published",
            {"jobs": "sum(rate(mmdigit_gateway_jobs_published_total[$__rate_interval]))"},
            "ops",
            "Acknowledged by the topic, per second.",
            8,
        ),
        lines(
            "Publishing p95",
            {"p95": p95("publish_seconds")},
            "s",
            "From the records of a request to their acknowledgement.",
            8,
        ),
        lines("Waiting to be published", {"{{instance}}": "mmdigit_gateway_waiting_records"}, "none", "Records.", 8),
        lines(
            "Streams and waiters",
            {"streams {{instance}}": "mmdigit_gateway_open_streams", "waiters {{instance}}": "mmdigit_gateway_waiters"},
            "none",
            "Open event streams; submissions that wait for their outcome.",
            8,
        ),
        lines(
            "Backlog",
            {"{{instance}}": "mmdigit_gateway_backlog_seconds"},
            "s",
            "Above --max-backlog-s new jobs get 429.",
            8,
        ),
        lines("Refused", {"{{reason}}": by("reason", "refused_total")}, "ops", "Requests per second, by reason.", 8),
        lines(
            "Connections closed early",
            {"{{reason}}": by("reason", "connections_closed_total")},
            "ops",
            "Per second: head, body or reader too slow, too many connections, or no HTTP.",
            8,
        ),
        lines(
            "Topic and store errors",
            {
                "topic": "sum(rate(mmdigit_gateway_topic_errors_total[$__rate_interval]))",
                "store": "sum(rate(mmdigit_gateway_store_errors_total[$__rate_interval]))",
            },
            "ops",
            "Per second.",
            8,
        ),
        lines(
            "Webhooks",
            {"{{outcome}}": by("outcome", "webhooks_total")},
            "ops",
            "Attempts per second: delivered, failed and tried again, or given up.",
            8,
        ),
        lines("Connections", {"{{instance}}": "mmdigit_gateway_connections"}, "none", "Open.", 8),
        lines(
            "CPU",
            {"{{instance}}": f"rate(process_cpu_seconds_total{of_gateways}[$__rate_interval])"},
            "none",
            "Cores.",
            8,
        ),
        lines("Memory", {"{{instance}}": f"process_resident_memory_bytes{of_gateways}"}, "bytes", "Resident.", 8),
    ]
