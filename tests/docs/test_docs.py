"""The pages that say what the code is, held against the code."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_what_the_table_says():
    page = runpy.run_path(str(ROOT / "docs" / "make_settings.py"))["page"]
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()


def test_every_room_that_the_internals_name_is_there_and_none_is_missing():
    text = (ROOT / "docs" / "internals.md").read_text(encoding="utf-8")
    table = text[text.index("| floor") : text.index("Modules that the fork server loads")]
    named = set(re.findall(r"`(\w+)`", table))
    rooms = {
        path.stem
        for path in (ROOT / "pyresque").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert named == rooms - {"__init__", "version"}


def test_every_file_of_the_package_is_in_the_internals_once():
    section = (ROOT / "docs" / "internals-files.md").read_text(encoding="utf-8")
    listed = []
    for folder, files in re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", section, re.MULTILINE):
        for part in files.split(" · "):
            names = re.match(r"(?:[^`]*: )?((?:`\w+`(?: and | |$))+)", part)
            assert names, f"{folder}: begin with the file's name: {part}"
            listed += [f"{folder}/{name}.py" for name in re.findall(r"`(\w+)`", names[1])]
    there = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "pyresque").rglob("*.py")
        if path.name != "__init__.py"
    ]
    listed = [name if name.startswith("pyresque") else f"pyresque/{name}" for name in listed]
    assert sorted(set(listed) ^ set(there)) == [], "listed or there, and not both"
    assert len(listed) == len(set(listed))


def test_every_page_that_the_readme_links_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


def test_every_file_that_a_page_names_is_there():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    folders = (
        "pyresque",
        "tests",
        "compat_tests",
        "docs",
        "ruby_fixtures",
        "benchmarks",
        "release",
    )
    there = [
        f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).rglob("*.*")
    ]
    missing = [
        f"{page.name}: {named}"
        for page in pages
        for named in re.findall(
            r"`(\w[\w/]*\.(?:py|lua|rb|json))`", page.read_text(encoding="utf-8")
        )
        if not re.search(r"NAME|X_", named)
        and not any(path.endswith(f"/{named}") for path in there)
    ]
    assert missing == []
