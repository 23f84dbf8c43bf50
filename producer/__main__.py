"""python -m producer --from SOURCE --to URL: sends each job once and, with --wait, collects the predictions."""

import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from mmdigit.datasets.sample import left_out_line
from mmdigit.files.atomic import require_replaceable
from mmdigit.sending.destination import parse_destination
from mmdigit.sending.journal import Journal
from mmdigit.sending.progress import progress_on
from mmdigit.settings.program import run_program
from mmdigit.transport.urls import open_publisher, open_store
from producer.metrics import RunCollector, serve_metrics
from producer.pace import Clock
from producer.publish import PublishResult, PublishRun
from producer.results import OutcomeCollector, Outcomes
from producer.roster import Roster
from producer.settings import ProducerSettings
from producer.sources.opening import open_source
from producer.tracing import open_tracing
from schemas.printable import printable


def main(argv: Sequence[str]) -> int:
    """Return 0 if every job is acknowledged and, with --wait, has an outcome; 1 if one is not or has none."""
    settings = ProducerSettings.load(argv)
    if settings.output is not None:
        require_replaceable(settings.output)
    access = settings.access
    clock = Clock()
    start_s = clock.monotonic()
    source = open_source(
        settings.source,
        count=settings.count,
        seed=settings.seed,
        split=settings.split,
        recursive=settings.recursive,
    )
    for line in source.warnings:
        sys.stderr.write(f"producer: warning: {line}\n")
    group = settings.group or source.group
    destination = parse_destination(settings.to_url)
    with ExitStack() as resources:
        roster = resources.enter_context(Roster())
        # Opened before anything is sent, so that a wrong store URL fails at once.
        open_results = (
            partial(open_store, settings.store_url, access=access) if settings.wait and settings.store_url else None
        )
        store = resources.enter_context(open_results()) if open_results else None
        with (
            open_tracing(settings, sys.stderr.write) as tracing,
            open_publisher(settings.to_url, access=access) as publisher,
            Journal.open(settings.journal_dir, destination, group, resend=settings.resend) as journal,
            progress_on(sys.stderr, "jobs", len(source), clock.monotonic) as progress,
        ):
            run_metrics = RunCollector(group, len(source), journal, open_results)
            resources.enter_context(serve_metrics(run_metrics, settings.metrics_host, settings.metrics_port))
            publish = PublishRun(publisher, journal, roster, progress, clock, group, tracing)
            published = publish.run(source, settings.wire, settings.rate)
        sys.stdout.write(_sent_lines(published, source.left_out, group, journal))
        sys.stdout.flush()
        if store is None:
            return 1 if published.unsendable else 0
        with progress_on(sys.stderr, "outcomes", len(roster), clock.monotonic) as progress:
            collector = OutcomeCollector(store, group, clock, settings.wait_timeout_s, progress)
            outcomes = collector.collect(roster, settings.output)
    sys.stdout.write(_outcome_lines(outcomes, published, clock.monotonic() - start_s, settings))
    return 1 if published.unsendable or outcomes.missing else 0


def _sent_lines(published: PublishResult, left_out: int, group: str, journal: Journal) -> str:
    per_s = published.sent / published.seconds if published.seconds > 0 else 0.0
    line = (
        f"group {group}: {published.sent} sent and acknowledged in {published.seconds:.1f} s ({per_s:.0f} jobs/s), "
        f"{published.resumed} resumed, {published.unsendable} unsendable\n"
    )
    if left_out:
        line += left_out_line(left_out)
    if published.resumed:
        shown = printable(str(journal.path), 200)
        jobs, them = ("1 job was", "it") if published.resumed == 1 else (f"{published.resumed} jobs were", "them")
        line += f"resumed: {jobs} acknowledged by an earlier run (journal: {shown}); --resend sends {them} again\n"
    return line


def _outcome_lines(outcomes: Outcomes, published: PublishResult, seconds: float, settings: ProducerSettings) -> str:
    dead = outcomes.dead.total()
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(outcomes.dead.items()))
    rate = f", {(outcomes.answered + dead) / seconds:.0f} jobs/s from the start to the last outcome"
    lines = [
        f"{outcomes.answered} answered, {dead} dead{f' ({reasons})' if reasons else ''}, {outcomes.missing} missing"
        f"{'' if published.resumed or outcomes.missing else rate}"
    ]
    if outcomes.labelled:
        share = outcomes.correct / outcomes.labelled
        lines.append(
            f"accuracy {share:.2%}: {outcomes.correct} of {outcomes.labelled} answered jobs with a known label"
        )
    if settings.output is not None:
        lines.append(f"predictions in {printable(str(settings.output), 200)}")
    if outcomes.missing:
        lines.append(
            f"no new outcome for {settings.wait_timeout_s:g} s: is a worker running? Run the same command again to "
            "keep waiting; --resend sends again what the topic or the store has lost"
        )
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    logging.basicConfig(format="producer: %(message)s")  # warnings of libraries
    # Stopping a container then acts like Ctrl-C, which writes the journal.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise SystemExit(run_program(ProducerSettings.prog, main))
