"""The Compose profiles load and chaos: all load is answered although one worker has a faulty network."""

import json

import pytest

from lab.kit.polling import until
from tests.deploy.compose import Compose

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]  # the first stack builds the image


def test_load_profile_is_answered_despite_chaos() -> None:
    with Compose(LOAD_ROUNDS="1", LOAD_RATE="100") as compose:
        compose.up(["worker", "links", "chaos-worker", "chaos"], profiles=["chaos"])
        compose.run("--profile", "load", "up", "--detach", "--no-deps", "load")

        def ended() -> bool:
            [load] = [json.loads(line) for line in compose.run("ps", "--all", "--format", "json", "load").splitlines()]
            assert load["ExitCode"] == 0, compose.run("logs", "load")
            return bool(load["State"] == "exited")

        until(ended, "the end of the load", pause_s=0.5)
        logs = compose.run("logs", "--no-log-prefix", "load")
        assert "1000 sent and acknowledged" in logs
        assert "1000 answered, 0 dead, 0 missing" in logs
        assert ": restored" in compose.run("--profile", "chaos", "logs", "chaos")
        chaos_worker = compose.run("--profile", "chaos", "logs", "--no-log-prefix", "chaos-worker")
        assert "partitions assigned" in chaos_worker
