"""Sphinx configuration; the estimator reference is written from the catalogue."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from catalogue_pages import write_reference  # noqa: E402
from command_pages import write_commands  # noqa: E402

from sentinel import __version__  # noqa: E402

project = "Sentinel"
author = "The Sentinel developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
]
html_theme = "furo"
html_title = f"Sentinel {version}"
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = False

write_reference(HERE / "reference" / "generated")
write_commands(HERE / "reference" / "generated" / "commands.md")
