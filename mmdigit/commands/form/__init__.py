"""`mmdigit form`: describes, adopts, checks, prints and reads forms. Needs the extra `forms`."""

from typing import Annotated, ClassVar

from pydantic_settings import CliSubCommand

from mmdigit.commands.form.adopt import FormAdoptSettings
from mmdigit.commands.form.read import FormReadSettings
from mmdigit.commands.form.templates import FormCheckSettings, FormNewSettings, FormPrintSettings
from mmdigit.settings.base import ProgramSettings, documented


class FormCommands(ProgramSettings):
    """Paper forms: describe or adopt, check, print, read."""

    prog: ClassVar[str] = "mmdigit form"

    new: Annotated[CliSubCommand[FormNewSettings], documented(FormNewSettings)]
    adopt: Annotated[CliSubCommand[FormAdoptSettings], documented(FormAdoptSettings)]
    check: Annotated[CliSubCommand[FormCheckSettings], documented(FormCheckSettings)]
    print: Annotated[CliSubCommand[FormPrintSettings], documented(FormPrintSettings)]
    read: Annotated[CliSubCommand[FormReadSettings], documented(FormReadSettings)]
