"""`mmdigit form`: describes or adopts, checks, prints and reads forms, and what follows. Needs the extra `forms`."""

from typing import Annotated, ClassVar

from pydantic_settings import CliSubCommand

from mmdigit.commands.form.adopt import FormAdoptSettings
from mmdigit.commands.form.collect import FormCollectSettings
from mmdigit.commands.form.control import FormControlSettings
from mmdigit.commands.form.export import FormExportSettings
from mmdigit.commands.form.learn import FormLearnSettings
from mmdigit.commands.form.read import FormReadSettings
from mmdigit.commands.form.review import FormReviewSettings
from mmdigit.commands.form.send import FormSendSettings
from mmdigit.commands.form.templates import FormCheckSettings, FormNewSettings, FormPrintSettings
from mmdigit.settings.base import ProgramSettings, documented


class FormCommands(ProgramSettings):
    """Paper forms: describe or adopt, check, print, read, collect, export, review, control, learn."""

    prog: ClassVar[str] = "mmdigit form"

    new: Annotated[CliSubCommand[FormNewSettings], documented(FormNewSettings)]
    adopt: Annotated[CliSubCommand[FormAdoptSettings], documented(FormAdoptSettings)]
    check: Annotated[CliSubCommand[FormCheckSettings], documented(FormCheckSettings)]
    print: Annotated[CliSubCommand[FormPrintSettings], documented(FormPrintSettings)]
    read: Annotated[CliSubCommand[FormReadSettings], documented(FormReadSettings)]
    send: Annotated[CliSubCommand[FormSendSettings], documented(FormSendSettings)]
    collect: Annotated[CliSubCommand[FormCollectSettings], documented(FormCollectSettings)]
    export: Annotated[CliSubCommand[FormExportSettings], documented(FormExportSettings)]
    review: Annotated[CliSubCommand[FormReviewSettings], documented(FormReviewSettings)]
    control: Annotated[CliSubCommand[FormControlSettings], documented(FormControlSettings)]
    learn: Annotated[CliSubCommand[FormLearnSettings], documented(FormLearnSettings)]
