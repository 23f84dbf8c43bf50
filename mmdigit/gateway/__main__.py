"""python -m mmdigit.gateway: serves the HTTP API. Needs the extra `gateway`."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.program import run_program
from schemas.errors import SettingsError


def _main(argv: Sequence[str]) -> int:
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "sqlalchemy")):
        raise SettingsError("expected fastapi, got none installed; run `pip install 'mmdigit[gateway]'`")
    from mmdigit.gateway.command import run_gateway

    return run_gateway(argv)


if __name__ == "__main__":
    sys.exit(run_program(GatewaySettings.prog, _main))
