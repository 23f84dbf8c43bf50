"""What every service shares: no two take the same port on one machine."""

from mmdigit.commands.form.collect import FormCollectSettings
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.settings import GatewaySettings
from worker.settings import WorkerSettings


def test_metrics_ports_differ_by_default() -> None:
    services = (WorkerSettings, PageWorkerSettings, GatewaySettings, FormCollectSettings)
    assert [service.model_fields["metrics_port"].default for service in services] == [9100, 9101, 9102, 9103]
