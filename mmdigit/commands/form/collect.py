"""`mmdigit form collect`: from the store of predictions to the values of fields."""

import sys
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from mmdigit.commands.form.common import TemplateFlag, ThresholdsFile, need_forms
from mmdigit.settings.access import Access
from mmdigit.settings.access_settings import RedisAccessSettings
from mmdigit.settings.database_settings import DatabaseSettings
from mmdigit.settings.service_settings import ServiceSettings
from schemas.errors import DataError


class FormCollectSettings(ServiceSettings, DatabaseSettings, RedisAccessSettings):
    """Decides the fields of each page whose jobs are all answered. Needs the extra `forms`.

    Without --follow it ends when every page that is there is decided, or with --expect when so many pages are.
    """

    prog: ClassVar[str] = "mmdigit form collect"

    template: TemplateFlag
    store_url: Annotated[
        str,
        Field(
            validation_alias="store",
            examples=["redis://localhost:6379/0"],
            repr=False,
            description="prediction store, read only: redis(s)://host:6379/0 or sqlite:///file",
        ),
    ]
    thresholds: ThresholdsFile = None
    expect: Annotated[int | None, Field(ge=1, description="pages to wait for; by default those that are there")] = None
    wait_timeout_s: Annotated[
        float | None, Field(gt=0, description="seconds without progress after which it ends, exit 1; by default none")
    ] = None
    follow: Annotated[bool, Field(description="run until SIGTERM, as a service with metrics")] = False
    metrics_port: Annotated[
        int, Field(ge=0, le=65535, description="with --follow: port of /metrics; 0 picks a free one and logs it")
    ] = 9103

    @model_validator(mode="after")
    def _follows_or_ends(self) -> Self:
        if self.follow and (self.expect is not None or self.wait_timeout_s is not None):
            raise ValueError("expected --follow or else --expect and --wait-timeout-s, got both")
        return self

    def run(self) -> int:
        need_forms()
        from mmdigit.forms.collecting.service import Collection, ServiceOptions, collect, serve
        from mmdigit.forms.fields.thresholds import load_thresholds
        from mmdigit.forms.loading import load_template
        from mmdigit.forms.store.sql_store import open_page_store
        from mmdigit.transport.urls import open_store

        template = load_template(self.template)
        thresholds = None if self.thresholds is None else load_thresholds(self.thresholds, template)
        token = self.read_token
        with (
            open_page_store(self.forms_url, self.forms_database_password) as forms,
            open_store(self.store_url, access=Access(redis=self.redis_access), create=False) as predictions,
        ):
            collection = Collection(template, forms, predictions, thresholds)
            if self.follow:
                options = ServiceOptions(self.metrics_host, self.metrics_port, token, self.log_level, self.json_logs)
                serve(collection, sys.stderr, options)
                return 0
            if self.expect is None and not forms.counts(template.digest).pages:
                raise DataError(
                    f"expected pages of form {template.form} in the database, got none yet; start the page worker "
                    "first, or say how many to wait for with --expect"
                )
            done = collect(collection, sys.stderr, self.expect, self.wait_timeout_s)
        sys.stdout.write(f"{collection.standing.described}\n")
        if not done:
            sys.stderr.write(f"mmdigit: no progress for {self.wait_timeout_s:g} s; run it again, nothing is lost\n")
        return 0 if done else 1
