"""Which database a program means: how messages name it, and the mark in its SQLite file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatabaseKind:
    """A kind of database. Two kinds never share a SQLite file; they may share a PostgreSQL database."""

    noun: str
    """As in "expected a database of forms"."""
    flag: str
    """That names its URL, such as --forms."""
    password: str
    """The setting with its password, such as forms_password."""
    example: str
    """A URL of a SQLite file."""
    number: int
    """Its own: the application id in a file's header, and the lock under which PostgreSQL's tables are created."""
