"""The site: docs/*.md as they stand, and what is generated from docstrings, from click and from the types of files.

make docs
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import ampsim  # noqa: E402 - found by the path above

project = "ampsim"
author = "the authors of ampsim"
version = release = ampsim.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click", "plain_docstrings", "beside_the_pages"]
exclude_patterns = ["_build", "_ext"]
highlight_language = "none"  # a block that names no language is none

myst_heading_anchors = 4  # as links between pages name them, and as the repository's own view makes them
myst_enable_extensions = ["colon_fence"]
smartquotes = False  # they make one dash of the two before an option

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False

html_theme = "furo"
html_title = f"ampsim {release}"
html_copy_source = False
html_show_copyright = False
