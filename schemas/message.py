"""Base of everything that crosses a process boundary."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Frozen, without unknown fields; bytes are base64 in JSON; errors never repeat what was sent."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )
