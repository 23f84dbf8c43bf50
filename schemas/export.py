"""python -m schemas.export: writes the JSON Schema of jobs, pages, predictions and dead letters to schemas/json/.

For producers and readers in other languages; a test keeps the files equal to the models.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.page import Page
from schemas.prediction import Prediction

FOLDER = Path(__file__).parent / "json"
EXPORTED: dict[str, type[BaseModel]] = {
    "job": Job,
    "page": Page,
    "prediction": Prediction,
    "dead_letter": DeadLetter,
}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASE64 = r"^[A-Za-z0-9+/_-]*={0,2}$"


def schema_files() -> dict[Path, str]:
    """The content of each file, by path."""
    return {FOLDER / f"{name}.schema.json": _text(model) for name, model in EXPORTED.items()}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for path, text in schema_files().items():
        path.write_text(text)
        sys.stdout.write(f"{path}\n")
    return 0


def _text(model: type[BaseModel]) -> str:
    schema = {"$schema": _DIALECT, **model.model_json_schema(mode="validation")}
    _mark_base64(schema)
    if model is Job:
        # The check of Job._has_a_modality, which pydantic cannot export.
        schema["anyOf"] = [
            {"required": [name], "properties": {name: {"type": "string"}}} for name in ("image", "audio")
        ]
    return json.dumps(schema, indent=2) + "\n"


def _mark_base64(node: object) -> None:
    """Turn pydantic's "format: binary" and its length into base64, as on the wire, which is longer."""
    if isinstance(node, dict):
        if node.get("format") in ("binary", "base64", "base64url"):
            del node["format"]
            node["contentEncoding"] = "base64"
            node["pattern"] = _BASE64
            if "maxLength" in node:
                node["maxLength"] = (node["maxLength"] + 2) // 3 * 4
        for inner in node.values():
            _mark_base64(inner)
    elif isinstance(node, list):
        for inner in node:
            _mark_base64(inner)


if __name__ == "__main__":
    raise SystemExit(main())
