"""Bases of everything that crosses a process boundary."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _whole_number(value: object) -> object:
    # 1.0 and true equal 1, and so pydantic takes them for the literal, strict or not.
    if type(value) is not int:
        raise ValueError("expected a whole number")
    return value


VersionOne = Annotated[Literal[1], BeforeValidator(_whole_number)]
"""The version of a schema that has only one yet."""


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


class Outcome(Message):
    """What the worker writes. It may gain fields within a version, and whoever reads it passes over those that it does
    not know: workers of two releases write to one store while the one replaces the other.
    """

    model_config = ConfigDict(extra="ignore")
