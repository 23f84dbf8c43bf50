"""Base classes of everything that crosses a process boundary."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _whole_number(value: object) -> object:
    # pydantic takes 1.0 and true for the literal 1, even in strict mode, since they equal it.
    if type(value) is not int:
        raise ValueError("expected a whole number")
    return value


VersionOne = Annotated[Literal[1], BeforeValidator(_whole_number)]
"""The version field of a schema with a single version."""


class Message(BaseModel):
    """Frozen; refuses unknown fields; bytes are base64 in JSON; errors never quote the input."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class ExtensibleMessage(Message):
    """Written by the worker. May gain fields within a version, and readers ignore unknown ones: during an upgrade,
    workers of two releases write to one store.
    """

    model_config = ConfigDict(extra="ignore")
