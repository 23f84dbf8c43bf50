"""python -m deploy.grafana.generate: writes the dashboards. A test checks that the files are current.

Uses Grafana's own SDK (development only), so that the JSON is what Grafana expects.
"""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, Panel

from deploy.grafana.gateway_panels import gateway
from deploy.grafana.panels import bars, heat, lines, number

FOLDER = Path(__file__).parent / "dashboards"
EACH = "{{instance}} {{process}}"
"""The legend of what each process of each worker says; a worker of one process has no label for it."""


def overview() -> list[Builder[Panel]]:
    """State and throughput at a glance."""
    return [
        number("Workers", 'sum(up{job="mmdigit-worker"})', "none", "Workers that respond to Prometheus.", 4),
        number("Jobs per second", "sum(mmdigit:jobs:rate1m)", "ops", "Accepted, sent to review or dead.", 4),
        number("Latency p99", "mmdigit:latency_seconds:p99", "s", "From a job's creation to its stored prediction.", 4),
        number("Backlog", "mmdigit:lag_records", "none", "Jobs waiting in the topic.", 4),
        number("Budget burn", "mmdigit:budget_burn:1h", "none", "At 1, late or lost jobs use the exact budget.", 4),
        number("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', "none", "Alerts firing now.", 4),
        lines("Jobs by outcome", {"{{outcome}}": "mmdigit:jobs:rate1m"}, "ops", "Jobs per second.", stacked=True),
        lines(
            "Latency",
            {"p50": "mmdigit:latency_seconds:p50", "p99": "mmdigit:latency_seconds:p99"},
            "s",
            "From created_at to stored. Jobs sent at the same time wait for each other.",
        ),
        lines("Backlog in jobs", {"jobs": "mmdigit:lag_records"}, "none", "Not yet polled.", 8),
        lines(
            "Backlog in seconds", {"at this rate": "mmdigit:lag_seconds"}, "s", "The backlog at the current rate.", 8
        ),
        lines(
            "Error budget burn",
            {window: f"mmdigit:budget_burn:{window}" for window in ("5m", "30m", "1h", "6h")},
            "none",
            "Page above 14.4 over an hour, ticket above 6 over six hours (docs/operate/operations.md).",
            8,
        ),
    ]


def worker() -> list[Builder[Panel]]:
    """What each worker does, and the resources it uses."""
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
                ("decode", "Seconds to decode one poll."),
                ("predict", "Seconds to predict a batch."),
                ("store", "Seconds to store a batch."),
            )
        ),
        lines(
            "Time by stage",
            {"{{stage}}": 'sum by (stage) (rate(mmdigit_stage_seconds_sum{stage!="wait"}[$__rate_interval]))'},
            "s",
            "Seconds per second, all workers. poll is mostly waiting for jobs.",
            stacked=True,
        ),
        lines(
            "CPU by stage",
            {"{{stage}}": "sum by (stage) (rate(mmdigit_stage_cpu_seconds_total[$__rate_interval]))"},
            "s",
            "CPU seconds per second in the loop's thread, all workers.",
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
            "Jobs per batch; equals --batch-size while there is a backlog.",
            8,
        ),
        lines("In flight", {EACH: "mmdigit_in_flight_jobs"}, "none", "Polled but not yet written.", 8),
        lines("Partitions", {EACH: "mmdigit_assigned_partitions"}, "none", "Owned by each worker.", 8),
        lines(
            "CPU",
            {EACH: f"rate(process_cpu_seconds_total{of_workers}[$__rate_interval])"},
            "none",
            "Cores.",
            8,
        ),
        lines("Memory", {EACH: f"process_resident_memory_bytes{of_workers}"}, "bytes", "Resident.", 8),
        lines(
            "Rebalances",
            {"{{event}}": "sum by (event) (increase(mmdigit_rebalances_total[5m]))"},
            "none",
            "Within five minutes, all workers.",
            8,
        ),
        lines(
            "Retries",
            {"{{stage}}": "sum by (stage) (rate(mmdigit_retries_total[$__rate_interval]))"},
            "ops",
            "Failed and repeated attempts per second.",
            8,
        ),
        lines(
            "Records lost",
            {"{{cause}}": "sum by (cause) (increase(mmdigit_records_expired_total[5m]))"},
            "none",
            "Deleted before they were read (retention), or lost from the end (truncation); within five minutes.",
            8,
        ),
        lines("Breaker", {EACH: "mmdigit_breaker_fill"}, "percentunit", "At 100 %, the worker stops.", 8),
        lines(
            "Standstill",
            {
                f"turn {EACH}": "mmdigit_since_turn_seconds",
                f"commit {EACH}": "mmdigit_since_commit_seconds",
            },
            "s",
            "Since the last turn of the loop and the last commit. The latter grows while no jobs arrive.",
            8,
        ),
    ]


def quality() -> list[Builder[Panel]]:
    """Quality of predictions, compared with the evaluation shipped with the model."""
    baseline = 'max by (input) (mmdigit_baseline{{measure="{}"}})'
    return [
        lines(
            "Accepted and reviewed",
            {"{{decision}}": "sum by (decision) (rate(mmdigit_predictions_total[$__rate_interval]))"},
            "ops",
            "Predictions per second.",
            8,
            stacked=True,
        ),
        lines(
            "Why review",
            {"{{reason}}": "sum by (reason) (rate(mmdigit_review_reasons_total[$__rate_interval]))"},
            "ops",
            "Reviews per second by reason; a job may have several.",
            8,
        ),
        lines(
            "Why dead",
            {"{{reason}}": "sum by (reason) (rate(mmdigit_dead_letters_total[$__rate_interval]))"},
            "ops",
            "Dead letters per second by reason.",
            8,
        ),
        lines(
            "Drift: review",
            {"{{input}}": "mmdigit:review_share1h", "evaluated, {{input}}": baseline.format("review_share")},
            "percentunit",
            "Share of jobs of the last hour that go to review, by input. Alerts at twice the evaluated share.",
            8,
        ),
        lines(
            "Drift: conflict",
            {
                "{{input}}": "mmdigit:conflict_share1h",
                "evaluated, {{input}}": 'max by (input) (mmdigit_baseline{measure="conflict_share", input="both"})',
            },
            "percentunit",
            "Share of pairs of the last hour whose digits differ. Alerts at twice the evaluated share.",
            8,
        ),
        lines(
            "Drift: confidence",
            {"{{input}}": "mmdigit:confidence1h", "evaluated, {{input}}": baseline.format("confidence")},
            "percentunit",
            "Mean over the last hour. Alerts at two points below the evaluation.",
            8,
            from_zero=False,
        ),
        heat("Confidence", "mmdigit_confidence_bucket", "none", "Predictions by confidence.", 12),
        bars(
            "Digits",
            "{{label}}",
            "sum by (label) (increase(mmdigit_predictions_total[1h]))",
            "none",
            "Predicted labels of the last hour.",
            6,
        ),
        bars(
            "Model",
            "{{version}}",
            "count by (version) (mmdigit_model_info)",
            "none",
            "Processes of workers by model version.",
            6,
        ),
        lines(
            "Forms: error of accepted fields",
            {
                "bound, {{form}}": "max by (form) (mmdigit_forms_error_bound)",
                "target, {{form}}": "max by (form) (mmdigit_forms_target_error)",
            },
            "percentunit",
            "95 % upper bound by the fields that people keyed blindly this week; 1 until one is keyed.",
            12,
        ),
        lines(
            "Forms: keyed sample",
            {
                "keyed, {{form}}": "max by (form) (mmdigit_forms_controlled_fields_total)",
                "wrong, {{form}}": "max by (form) (mmdigit_forms_controlled_wrong_total)",
            },
            "none",
            "Accepted fields that people keyed this week, blank ones aside, and those of them that were wrong.",
            12,
        ),
    ]


def backfill() -> list[Builder[Panel]]:
    """Progress of each group that a running producer with --metrics-port is sending."""
    legend = "{{group}}"
    return [
        number("Done", "mmdigit:backfill:done", "none", "Jobs with a prediction or dead letter.", 6, legend),
        number("Remaining", "mmdigit:backfill:remaining", "none", "Jobs without an outcome.", 6, legend),
        number("Rate", "mmdigit:backfill:rate1m", "ops", "Outcomes per second.", 6, legend),
        number("Time left", "mmdigit:backfill:left_seconds", "s", "Remaining jobs at this rate.", 6, legend),
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
            "Acknowledged by the topic, with an outcome, without an outcome.",
            16,
        ),
        lines("Rate", {legend: "mmdigit:backfill:rate1m"}, "ops", "Outcomes per second."),
        lines("Time left", {legend: "mmdigit:backfill:left_seconds"}, "s", "Remaining jobs at the current rate."),
    ]


def forms() -> list[Builder[Panel]]:
    """Pages of forms, from the topic to decided fields."""
    pages = "max by (form, state) (mmdigit_forms_pages)"
    done = 'sum(max by (form) (mmdigit_forms_pages{state="done"}))'
    fields = "max by (form, decision) (mmdigit_forms_fields)"
    return [
        number("Page workers", 'sum(up{job="mmdigit-page-worker"})', "none", "That respond to Prometheus.", 4),
        number("Pages per second", "sum(mmdigit:forms_pages:rate1m)", "ops", "Kept, whether read or not.", 4),
        number("Backlog", "mmdigit:forms_lag_records", "none", "Pages waiting in the topic.", 4),
        number("Time left", "mmdigit:forms_lag_seconds", "s", "The backlog at this rate.", 4),
        number(
            "Failed",
            "mmdigit:forms_failed_share1h",
            "percentunit",
            "Share of the last hour's pages, empty ones aside.",
            4,
        ),
        number("Done", done, "none", "Pages whose fields are decided.", 4),
        lines("Pages by state", {"{{state}}": "mmdigit:forms_pages:rate1m"}, "ops", "Pages per second.", stacked=True),
        lines(
            "Pages",
            {"{{state}}, {{form}}": pages},
            "none",
            "Of each form: done, unread (jobs not answered yet), failed.",
        ),
        lines("Fields", {"{{decision}}, {{form}}": fields}, "none", "As the model decided them.", 6, stacked=True),
        lines(
            "Boxes",
            {"{{state}}": "sum by (state) (rate(mmdigit_forms_cells_total[$__rate_interval]))"},
            "ops",
            "Per second, by state; each digit becomes a job.",
            6,
        ),
        lines(
            "Spoken fields",
            {"{{outcome}}": "sum by (outcome) (rate(mmdigit_forms_spoken_fields_total[$__rate_interval]))"},
            "ops",
            "Fields with a recording per second: heard, in conflict with the writing, or why it does not help.",
            6,
        ),
        lines("Backlog in pages", {"pages": "mmdigit:forms_lag_records"}, "none", "Not yet polled.", 6),
        lines(
            "Time by stage",
            {"{{stage}}": "sum by (stage) (rate(mmdigit_forms_stage_seconds_sum[$__rate_interval]))"},
            "s",
            "Seconds per second, all page workers. poll is mostly waiting for pages.",
            8,
            stacked=True,
        ),
        lines(
            "Retries and dead letters",
            {
                "retry: {{stage}}": "sum by (stage) (rate(mmdigit_forms_retries_total[$__rate_interval]))",
                "dead: {{reason}}": "sum by (reason) (rate(mmdigit_forms_dead_letters_total[$__rate_interval]))",
            },
            "ops",
            "Per second.",
            8,
        ),
        lines(
            "Memory",
            {"{{instance}}": 'process_resident_memory_bytes{job="mmdigit-page-worker"}'},
            "bytes",
            "Resident, without the decoder's process.",
            8,
        ),
    ]


DASHBOARDS = {
    "overview": overview,
    "worker": worker,
    "quality": quality,
    "backfill": backfill,
    "forms": forms,
    "gateway": gateway,
}


def dashboard_json(name: str) -> str:
    """The dashboard as JSON for Grafana's provisioning."""
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
        (FOLDER / f"{file_name}.json").write_text(dashboard_json(file_name), encoding="utf-8")
