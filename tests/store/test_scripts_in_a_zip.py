"""The Lua scripts are found wherever the package is loaded from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import pyresque

PACKAGE = Path(pyresque.__file__).parent

ASK = """
import sys
from pyresque.store.scripts import LUA, script
assert sys.argv[1] in LUA, LUA
print(len(script("turn").text))
"""


@pytest.mark.process
def test_a_zip_file_of_compiled_modules_holds_the_scripts_too(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.PyZipFile(path, "w") as archive:
        archive.writepy(PACKAGE, filterfunc=lambda name: "contrib" not in name)
        for lua in (PACKAGE / "store" / "lua").iterdir():
            archive.write(lua, f"pyresque/store/lua/{lua.name}")
        assert "pyresque/store/scripts.pyc" in archive.namelist()
    program = f"import sys; sys.path.insert(0, {str(path)!r})\n{ASK}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000
