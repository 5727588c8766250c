"""Sphinx's configuration. Warnings are errors (make docs)."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "optarb"
author = "The optarb authors"
project_copyright = "The optarb authors"
release = version = installed_version("optarb")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "adr/0000-*"]
html_theme = "furo"
html_title = f"optarb {release}"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

nitpicky = True
nitpick_ignore_regex = [
    # The builds run without the network, so other projects' inventories are not at hand.
    (r"py:.*", r"(_?io|asyncio|collections|concurrent|contextlib|dataclasses|datetime|decimal|enum|os|pathlib)(\..*)?"),
    (r"py:.*", r"(queue|threading|types|typing|typing_extensions|uuid|zoneinfo)(\..*)?"),
    (r"py:.*", r"(fastapi|numpy|np|pandas|pd|pyarrow|pydantic|rich|sqlalchemy|temporalio|typer)(\..*)?"),
    # Builtins, and names imported for type checkers only, which autodoc cannot follow.
    (r"py:class", r"(bool|bytes|dict|float|frozenset|int|list|memoryview|object|set|str|tuple|type|None|Any|Self)"),
    (r"py:exc", r"(Exception|(Key|Runtime|Type|Value)Error)"),
    (
        r"py:class",
        r"(Callable|Generator|Iterable|Iterator|Literal|Mapping|NDArray|Path|Protocol|Sequence|TracebackType)",
    ),
    (r"py:class", r"(Client|Decimal|Plugin|TracebackType|Worker|date|datetime|timedelta)"),
    # Type variables are no objects of their own.
    (r"py:(class|obj)", r"(.*\.)?[A-Z]|(.*\.)?_?[A-Z][A-Za-z]*T|(.*\.)?T_[a-z]+"),
]
