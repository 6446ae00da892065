"""Makes reStructuredText of this project's docstrings, which are plain text in Google style.

In them an indented paragraph is a formula, `name` is code, and stars, bars and underscores mean themselves.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from sphinx.util.inspect import stringify_signature

SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Example|Examples|References):$")
ITEM = re.compile(r"(\s+\*{0,2}[A-Za-z_][\w, *]*:)(\s.*)")
CODE = re.compile(r"(`[^`]+`)")


def escape(text: str) -> str:
    """Returns a line of plain text as reStructuredText: code in double backticks, the rest without markup."""
    bullet = re.match(r"\s*(\* )?", text)[0]  # type: ignore[index]
    parts = CODE.split(text[len(bullet) :])
    for i, part in enumerate(parts):
        parts[i] = f"`{part}`" if i % 2 else re.sub(r"([*|\\]|_(?!\w))", r"\\\1", part)
    return bullet + "".join(parts)


def converted(lines: list[str]) -> list[str]:
    """Returns the lines of a docstring as reStructuredText that napoleon reads."""
    found: list[str] = []
    section, in_formula, in_example = "", False, False
    for line, before in zip(lines, ["", *lines], strict=False):
        indent = len(line) - len(line.lstrip())
        if SECTION.match(line):
            section, in_formula = line, False
        elif line.strip() and not indent:
            if in_formula and before.strip():
                found.append("")
            section, in_formula = "", False
        if line.lstrip().startswith(">>>"):
            in_example = True
        elif not line.strip():
            in_example = False
        if not section and indent and not before.strip() and not in_formula and not in_example:
            found += ["::", ""]
            in_formula = True
        if in_formula or in_example or not line.strip() or SECTION.match(line):
            found.append(line)
        elif section[:4] in ("Args", "Attr") and (item := ITEM.match(line)):
            found.append(re.sub(r"(?<=, )\*\*", r"\*\*", item[1]) + escape(item[2]))
        else:
            found.append(escape(line))
    return found


def process(app: Any, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Converts a docstring in place, for the event `autodoc-process-docstring`."""
    lines[:] = converted(lines)


def signature(app: Any, what: str, name: str, of: Any, options: Any, found: Any, returned: Any) -> Any:
    """Returns the arguments of a class as its `__init__` says them, for the event `autodoc-process-signature`.

    Keras layers also have a `__new__`, which takes anything.
    """
    if what != "class":
        return None
    arguments = list(inspect.signature(of.__init__).parameters.values())[1:]
    return stringify_signature(inspect.Signature(arguments), show_annotation=False), returned


def setup(app: Any) -> dict[str, bool]:
    """Registers the conversion, which comes before napoleon's, and the signatures."""
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
