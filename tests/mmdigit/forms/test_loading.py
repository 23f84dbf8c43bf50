"""A form from its file: what the file names is read, too."""

from pathlib import Path

import pytest

from mmdigit.forms.loading import load_template
from mmdigit.forms.template.parsing import example
from schemas.errors import DataError

LOOKED_UP = example().replace(b"validators: [luhn] ", b"lookup: members.txt #")


def test_lookup_file_stands_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_bytes(LOOKED_UP)
    with pytest.raises(DataError, match=r"expected a lookup file at .*members\.txt, it cannot be read"):
        load_template(tmp_path / "form.yaml")
    (tmp_path / "members.txt").write_text("12345674\n7992739\n")
    with pytest.raises(DataError, match=r"members\.txt, line 2: expected 8 digits, got '7992739'"):
        load_template(tmp_path / "form.yaml")
    (tmp_path / "members.txt").write_text("12345674\n")
    one = load_template(tmp_path / "form.yaml")
    assert one.pages[0].fields[0].listed is not None
    assert one == load_template(tmp_path / "form.yaml")
    (tmp_path / "members.txt").write_text("12345674\n79927398\n")
    assert load_template(tmp_path / "form.yaml").digest != one.digest
