"""A form from its file, with what the file names: its blank and its lookup files."""

import hashlib
from pathlib import Path

from mmdigit.files.regular import read_regular
from mmdigit.forms.adopt.blank import MAX_BLANK_BYTES, blank_pages
from mmdigit.forms.template.parsing import parse_template
from mmdigit.forms.template.template import Blank, Template
from mmdigit.forms.template.value_list import ValueList, load_values
from mmdigit.forms.template.yaml_document import MAX_BYTES
from schemas.errors import DataError
from schemas.printable import printable


def load_template(path: Path) -> Template:
    """The form that a file describes. Raises DataError, each mistake on a line of its message."""
    name = printable(str(path), 200)
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as exc:
        raise DataError(
            f"expected a template at {name}, it cannot be read ({exc.strerror}); `mmdigit form new` writes one"
        ) from exc
    template = _with_lookups(parse_template(content, name), path.parent)
    return template if template.blank is None else _with_blank(template, template.blank, path.parent)


def _with_blank(template: Template, blank: Blank, folder: Path) -> Template:
    """The template with the bytes of its blank, which must be the ones that it was made for."""
    name = printable(str(folder / blank.file), 200)
    try:
        content = read_regular(folder / blank.file, MAX_BLANK_BYTES)
    except OSError as exc:
        raise DataError(f"expected the blank form at {name}, it cannot be read ({exc.strerror}); put it there") from exc
    digest = hashlib.sha256(content).hexdigest()
    if digest != blank.sha256:
        raise DataError(
            f"{name}: expected the blank form with SHA-256 {blank.sha256[:16]}..., got {digest[:16]}...; put the old "
            "one back, or adopt this one"
        )
    whole = template.model_copy(update={"blank": blank.loaded(content)})
    blank_pages(whole)
    return whole


def _with_lookups(template: Template, folder: Path) -> Template:
    """The template with the values of its lookup files."""
    lists: dict[tuple[str, int], ValueList] = {}
    for page in template.pages:
        for field in page.all_fields:
            key = field.lookup, field.boxes.count
            if field.lookup is not None and key not in lists:
                lists[field.lookup, field.boxes.count] = load_values(folder / field.lookup, field.boxes.count)
    return template.with_lists(lists) if lists else template
