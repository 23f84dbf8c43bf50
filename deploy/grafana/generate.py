"""python -m deploy.grafana.generate: writes the dashboards; a test holds the files current.

Written with Grafana's own SDK (development only), so that a dashboard is in the shape that Grafana reads.
"""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, Panel

from deploy.grafana.panels import bars, heat, lines, number

FOLDER = Path(__file__).parent / "dashboards"


def overview() -> list[Builder[Panel]]:
    """Is all well, and how much is done."""
    return [
        number("Workers", 'sum(up{job="mmdigit-worker"})', "none", "Workers that answer Prometheus.", 4),
        number("Jobs per second", "sum(mmdigit:jobs:rate1m)", "ops", "Ended: accepted, sent to review or dead.", 4),
        number("Latency p99", "mmdigit:latency_seconds:p99", "s", "From a job's making to its prediction stored.", 4),
        number("Backlog", "mmdigit:lag_records", "none", "Jobs that wait in the topic.", 4),
        number("Budget burn", "mmdigit:budget_burn:1h", "none", "1: as many late or lost jobs as may be.", 4),
        number("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', "none", "Alerts that fire just now.", 4),
        lines("Jobs by outcome", {"{{outcome}}": "mmdigit:jobs:rate1m"}, "ops", "A second.", stacked=True),
        lines(
            "Latency",
            {"p50": "mmdigit:latency_seconds:p50", "p99": "mmdigit:latency_seconds:p99"},
            "s",
            "From created_at to stored. Jobs that are sent at once wait for each other.",
        ),
        lines("Backlog in jobs", {"jobs": "mmdigit:lag_records"}, "none", "Not yet polled.", 8),
        lines(
            "Backlog in seconds", {"at this rate": "mmdigit:lag_seconds"}, "s", "What waits, at the present rate.", 8
        ),
        lines(
            "Error budget burn",
            {window: f"mmdigit:budget_burn:{window}" for window in ("5m", "30m", "1h", "6h")},
            "none",
            "Pages above 14.4 over an hour, a ticket above 6 over six hours (docs/operate/operations.md).",
            8,
        ),
    ]


def worker() -> list[Builder[Panel]]:
    """What each worker does, and what it needs for it."""
    of_workers = '{job="mmdigit-worker"}'
    return [
        *(
            heat(
                f"Stage: {stage}",
                f'mmdigit_stage_seconds_bucket{{stage="{stage}"}}',
                "s",
                about,
                8,
            )
            for stage, about in (
                ("decode", "Seconds to decode what one turn polled."),
                ("predict", "Seconds of the model, a batch."),
                ("store", "Seconds to store a batch."),
            )
        ),
        lines(
            "Time by stage",
            {"{{stage}}": 'sum by (stage) (rate(mmdigit_stage_seconds_sum{stage!="wait"}[$__rate_interval]))'},
            "s",
            "Seconds a second, of all workers. poll is mostly waiting for jobs.",
            stacked=True,
        ),
        lines(
            "CPU by stage",
            {"{{stage}}": "sum by (stage) (rate(mmdigit_stage_cpu_seconds_total[$__rate_interval]))"},
            "s",
            "CPU seconds a second of the loop's thread, of all workers.",
            stacked=True,
        ),
        lines(
            "Batch fill",
            {
                "mean": "sum(rate(mmdigit_batch_size_sum[$__rate_interval])) "
                "/ sum(rate(mmdigit_batch_size_count[$__rate_interval]))",
                "p90": "histogram_quantile(0.9, sum by (le) (rate(mmdigit_batch_size_bucket[$__rate_interval])))",
            },
            "none",
            "Jobs in a batch; at --batch-size while there is a backlog.",
            8,
        ),
        lines("In flight", {"{{instance}}": "mmdigit_in_flight_jobs"}, "none", "Polled, and not yet written.", 8),
        lines("Partitions", {"{{instance}}": "mmdigit_assigned_partitions"}, "none", "That each worker owns.", 8),
        lines(
            "CPU",
            {"{{instance}}": f"rate(process_cpu_seconds_total{of_workers}[$__rate_interval])"},
            "none",
            "Cores.",
            8,
        ),
        lines("Memory", {"{{instance}}": f"process_resident_memory_bytes{of_workers}"}, "bytes", "Resident.", 8),
        lines(
            "Rebalances",
            {"{{event}}": "sum by (event) (increase(mmdigit_rebalances_total[5m]))"},
            "none",
            "Within five minutes, at all workers.",
            8,
        ),
        lines(
            "Retries",
            {"{{stage}}": "sum by (stage) (rate(mmdigit_retries_total[$__rate_interval]))"},
            "ops",
            "Tries a second that failed and are repeated.",
            8,
        ),
        lines(
            "Records lost",
            {"{{cause}}": "sum by (cause) (increase(mmdigit_records_expired_total[5m]))"},
            "none",
            "Gone from the topic unread (retention), or from its end (truncation); within five minutes.",
            8,
        ),
        lines("Breaker", {"{{instance}}": "mmdigit_breaker_fill"}, "percentunit", "At 100 % it stops the worker.", 8),
        lines(
            "Standstill",
            {"turn {{instance}}": "mmdigit_since_turn_seconds", "commit {{instance}}": "mmdigit_since_commit_seconds"},
            "s",
            "Since the last turn of the loop and the last commit; the latter grows while nothing is sent.",
            8,
        ),
    ]


def quality() -> list[Builder[Panel]]:
    """What the answers are like, against the evaluation shipped with the model."""
    baseline = 'max by (input) (mmdigit_baseline{{measure="{}"}})'
    return [
        lines(
            "Accepted and reviewed",
            {"{{decision}}": "sum by (decision) (rate(mmdigit_predictions_total[$__rate_interval]))"},
            "ops",
            "Predictions a second.",
            8,
            stacked=True,
        ),
        lines(
            "Why review",
            {"{{reason}}": "sum by (reason) (rate(mmdigit_review_reasons_total[$__rate_interval]))"},
            "ops",
            "Reviews a second by reason; one job may have several.",
            8,
        ),
        lines(
            "Why dead",
            {"{{reason}}": "sum by (reason) (rate(mmdigit_dead_letters_total[$__rate_interval]))"},
            "ops",
            "Dead letters a second by reason.",
            8,
        ),
        lines(
            "Drift: review",
            {"{{input}}": "mmdigit:review_share1h", "evaluated, {{input}}": baseline.format("review_share")},
            "percentunit",
            "Share of an hour's jobs that go to review, by what they hold. Twice the evaluated share is an alert.",
            8,
        ),
        lines(
            "Drift: conflict",
            {
                "{{input}}": "mmdigit:conflict_share1h",
                "evaluated, {{input}}": 'max by (input) (mmdigit_baseline{measure="conflict_share", input="both"})',
            },
            "percentunit",
            "Share of an hour's pairs whose two digits differ. Twice the evaluated share is an alert.",
            8,
        ),
        lines(
            "Drift: confidence",
            {"{{input}}": "mmdigit:confidence1h", "evaluated, {{input}}": baseline.format("confidence")},
            "percentunit",
            "Mean of an hour. Two points below the evaluated one are an alert.",
            8,
            from_zero=False,
        ),
        heat("Confidence", "mmdigit_confidence_bucket", "none", "How many predictions were how sure.", 12),
        bars(
            "Digits",
            "{{label}}",
            "sum by (label) (increase(mmdigit_predictions_total[1h]))",
            "none",
            "What was read within the last hour.",
            6,
        ),
        bars(
            "Model",
            "{{version}}",
            "count by (version) (mmdigit_model_info)",
            "none",
            "How many workers run which model.",
            6,
        ),
    ]


def backfill() -> list[Builder[Panel]]:
    """How far each group is that a producer with --metrics-port sends just now."""
    legend = "{{group}}"
    return [
        number("Done", "mmdigit:backfill:done", "none", "Jobs answered or dead.", 6, legend),
        number("Remaining", "mmdigit:backfill:remaining", "none", "Jobs without an outcome.", 6, legend),
        number("Rate", "mmdigit:backfill:rate1m", "ops", "Outcomes a second.", 6, legend),
        number("Time left", "mmdigit:backfill:left_seconds", "s", "What remains, at this rate.", 6, legend),
        bars(
            "Done of all",
            legend,
            "mmdigit:backfill:done / on (group) mmdigit:backfill:all",
            "percentunit",
            "By group.",
            8,
        ),
        lines(
            "Jobs",
            {
                "sent, {{group}}": 'max by (group) (mmdigit_backfill_jobs{state="acknowledged"})',
                "done, {{group}}": "mmdigit:backfill:done",
                "remaining, {{group}}": "mmdigit:backfill:remaining",
            },
            "none",
            "Acknowledged by the topic, with an outcome, without one.",
            16,
        ),
        lines("Rate", {legend: "mmdigit:backfill:rate1m"}, "ops", "Outcomes a second."),
        lines("Time left", {legend: "mmdigit:backfill:left_seconds"}, "s", "What remains, at the rate of the moment."),
    ]


DASHBOARDS = {"overview": overview, "worker": worker, "quality": quality, "backfill": backfill}


def written(name: str) -> str:
    """The dashboard's file: JSON as Grafana's provisioning reads it."""
    dashboard = (
        Dashboard(f"mmdigit: {name.capitalize()}")
        .uid(f"mmdigit-{name}")
        .tags(["mmdigit"])
        .readonly()
        .timezone("browser")
        .refresh("5s")
        .time("now-30m", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for panel in DASHBOARDS[name]():
        dashboard = dashboard.with_panel(panel)
    model = dashboard.build()
    for position, built in enumerate(model.panels or [], start=1):
        built.id_val = position
    return json.dumps(model, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    for file_name in DASHBOARDS:
        (FOLDER / f"{file_name}.json").write_text(written(file_name), encoding="utf-8")
