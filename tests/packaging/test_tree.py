"""The laws of the folder tree: links, the list of packages, sizes, and one name for every file."""

from __future__ import annotations

import os

import pytest
from mypy.find_sources import create_source_list
from mypy.options import Options

from tests.packaging.tree import FOLDERS, ROOT, WINGS, git_files, module_name, settings, source_files

MOST_LINES = 450


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_is_a_relative_link_inside_the_package(wing: str) -> None:
    link = ROOT / "ampsim" / wing
    assert link.is_symlink(), "checkouts need symlinks: git config core.symlinks true, then clone again"
    assert os.readlink(link) == f"../{wing}"
    assert (ROOT / wing / "__init__.py").is_file()


def test_there_are_no_other_links() -> None:
    links = {str(path) for path in git_files() if (ROOT / path).is_symlink()}
    assert links == {f"ampsim/{wing}" for wing in WINGS}


def test_every_package_is_listed_for_setuptools() -> None:
    """An explicit list leaves a new subpackage out in silence; this test does not."""
    build = settings()["tool"]["setuptools"]
    packages = {module_name(path) for path in source_files(*FOLDERS) if path.name == "__init__.py"}
    assert sorted(build["packages"]) == sorted(packages)
    assert build["package-dir"] == {f"ampsim.{wing}": wing for wing in WINGS}


def test_every_python_file_stands_in_a_package() -> None:
    """A folder without __init__.py would be missing from the wheel."""
    homeless = [str(path) for path in source_files(*FOLDERS) if not (ROOT / path.parent / "__init__.py").is_file()]
    assert homeless == []


def test_no_file_is_too_long() -> None:
    """One idea a file; what is longer holds two."""
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in source_files()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_mypy_sees_every_file_once_and_as_ampsim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the links only: `ampsim.hw.x`, never `hw.x` as well."""
    monkeypatch.chdir(ROOT)
    configured = settings()["tool"]["mypy"]
    options = Options()
    options.namespace_packages = configured["namespace_packages"]
    options.explicit_package_bases = configured["explicit_package_bases"]
    options.mypy_path = [str(ROOT)]
    sources = create_source_list(configured["files"], options)
    names = [source.module for source in sources]
    files = [os.path.realpath(source.path) for source in sources if source.path]
    assert len(set(names)) == len(names)
    assert len(set(files)) == len(files) == len(sources)
    assert {name.partition(".")[0] for name in names} == {"ampsim", "tests"}
    assert {module_name(path) for path in source_files(*FOLDERS)} <= set(names)
