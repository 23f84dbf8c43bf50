"""Base classes of everything that crosses a process boundary."""

from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _whole_number(value: object) -> object:
    # pydantic takes 1.0 and true for the literal 1, even in strict mode, since they equal it.
    if type(value) is not int:
        raise ValueError("expected a whole number")
    return value


_set = object.__setattr__  # messages are frozen

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

    @classmethod
    def unchecked(cls, **fields: Any) -> Self:
        """The message with these fields, known to be valid, in order; others have their defaults. Validation takes ten
        times as long, and so does model_construct()."""
        message = cls.__new__(cls)
        _set(message, "__dict__", fields if len(fields) == len(cls.__pydantic_fields__) else _defaults_of(cls) | fields)
        _set(message, "__pydantic_fields_set__", set(fields))
        _set(message, "__pydantic_extra__", None)
        _set(message, "__pydantic_private__", None)
        return message


class ExtensibleMessage(Message):
    """Written by the worker. May gain fields within a version, and readers ignore unknown ones: during an upgrade,
    workers of two releases write to one store.
    """

    model_config = ConfigDict(extra="ignore")


@cache
def _defaults_of(message: type[Message]) -> dict[str, Any]:
    fields = message.model_fields.items()
    return {name: each.get_default(call_default_factory=True) for name, each in fields if not each.is_required()}
