"""python -m mmdigit.forms.template.schema: writes the JSON Schema of `form.yaml`, for editors and other programs."""

import json
import sys
from pathlib import Path

from mmdigit.forms.template.template import Template

SCHEMA = Path(__file__).parent / "form.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """What SCHEMA holds; a test keeps the file equal to the models."""
    return json.dumps({"$schema": _DIALECT, **Template.model_json_schema(mode="validation")}, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA}\n")
