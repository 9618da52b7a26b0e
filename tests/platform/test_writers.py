import os
import shutil
import sys

import pytest

from pi.platform.writers import is_being_written

KNOWS = sys.platform == "linux" or (sys.platform != "win32" and shutil.which("lsof") is not None)


@pytest.mark.skipif(not KNOWS, reason="nobody can tell here")
def test_a_file_is_being_written_while_somebody_has_it_open_for_that(tmp_path):
    path = tmp_path / "x"
    path.write_text("x")
    assert not is_being_written(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        assert is_being_written(path)
    finally:
        os.close(descriptor)
    assert not is_being_written(path)


def test_a_reader_is_no_writer_and_a_missing_file_has_none(tmp_path):
    path = tmp_path / "x"
    path.write_text("x")
    with path.open("rb"):
        assert not is_being_written(path)
    assert not is_being_written(tmp_path / "missing")
