"""Sphinx's configuration. Warnings are errors (make docs)."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import Any

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
    (r"py:.*", r"(annotated_types|fastapi|numpy|np|pandas|pd|pyarrow|pydantic|rich|sqlalchemy|temporalio|typer)(\..*)?"),
    # Documented in words, in the guide on testing components.
    (r"py:.*", r"optarb\.testing\..*"),
    # Builtins, and names imported for type checkers only, which autodoc cannot follow.
    (r"py:class", r"(bool|bytes|dict|float|frozenset|int|list|memoryview|object|set|str|tuple|type|None|Any|Self)"),
    (r"py:exc", r"(Exception|(Key|Runtime|Type|Value)Error)"),
    (
        r"py:class",
        r"(Callable|Generator|Iterable|Iterator|Literal|Mapping|NDArray|Path|Protocol|Sequence|TracebackType)",
    ),
    (r"py:class", r"(ApplicationError|Client|DataFrame|Decimal|Plugin|TracebackType|Worker|date|datetime|time|timedelta)"),
    (r"py:exc", r"(ApplicationError|CancelledError|ValidationError|WorkflowUpdateFailedError)"),
    # Aliases of annotations, and what stands behind public names without being one.
    (r"py:class", r"(ArrayLike|DataKind|ExitsLike|ExpertLike|Metric|OverrideValue|PolicyLike|ProgressCallback)"),
    (r"py:class", r"(AwareDatetime|DayOutcome|Holding|Statistic|SubmitAnswer|_Pace|_Seconds)"),
    (
        r"py:class",
        r"(FillRecord|Mapping\[str|Once|Setup|Strip|View|optarb(\.\w+)*\.(_\w+|FolderMarketData|KeyColumns|KeySlice|View)|DayContext|MovingClock)",
    ),
    # Type variables are no objects of their own.
    (r"py:(class|obj)", r"(.*\.)?[A-Z]|(.*\.)?_?[A-Z][A-Za-z]*T|(.*\.)?T_[a-z]+"),
]

_COLON = "\0"


def setup(app: Any) -> None:
    """Adds what the extensions leave open."""
    # Before and after napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", _hide_colons, priority=100)
    app.connect("autodoc-process-docstring", _show_colons, priority=900)
    app.connect("missing-reference", _to_public_name)


def _hide_colons(_app: Any, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Keeps napoleon from reading "Units: contracts held" under a field as a type and its description."""
    if what in {"attribute", "data", "property"}:
        lines[:] = [line.replace(":", _COLON) for line in lines]


def _show_colons(_app: Any, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    if what in {"attribute", "data", "property"}:
        # A bar is a bar ("the least |days - dte|"), never a substitution.
        lines[:] = [line.replace(_COLON, ":").replace("|", r"\|") for line in lines]


def _to_public_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolves a name of a package of optarb, or a bare one, where the name of the root is documented."""
    domain = env.get_domain("py")
    words = node.get("reftarget", "").split(".")
    for count in (1, 2):
        target = ".".join(("optarb", *words[-count:]))
        if node.get("refdomain") == "py" and target in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], target, node, contnode)
    return None
