"""Files that are replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domo.system import files


def test_ctrl_c_just_after_a_file_was_replaced_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(name: str, path: str) -> None:
        rename(name, path)
        raise KeyboardInterrupt

    rename = os.rename
    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.replace(str(tmp_path / "file"), b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]
