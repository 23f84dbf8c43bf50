"""docs/use/forms.md explains every reason that a table of forms or of pages may hold."""

import re
from pathlib import Path
from typing import get_args

from mmdigit.forms.fields.weighing import FieldReason
from mmdigit.forms.pages.page import PageReason

PAGE = Path(__file__).parents[3] / "docs" / "use" / "forms.md"


def test_every_reason_of_fields_and_pages_is_explained() -> None:
    explained = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE)
    words = set(re.findall(r"\w+", " ".join(explained)))
    assert {*get_args(FieldReason), *get_args(PageReason)} <= words
