"""The HTML of which the report is made: every text that comes in is escaped here and nowhere else."""

from __future__ import annotations

import base64
import html
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Args:
        png: the bytes of the PNG file.
        alt: what it shows, for those who do not see it.
        caption: how to read it, below it.
    """

    png: bytes
    alt: str
    caption: str


def paragraph(text: str, kind: str = "") -> str:
    """Returns a paragraph, with a class where `kind` names one."""
    return f"<p{_class(kind)}>{html.escape(text)}</p>"


def heading(text: str) -> str:
    """Returns a heading inside a section."""
    return f"<h3>{html.escape(text)}</h3>"


def section(name: str, title: str, body: Iterable[str]) -> str:
    """Returns a section that links reach as #name."""
    inside = "\n".join(body)
    return f'<section id="{html.escape(name)}">\n<h2>{html.escape(title)}</h2>\n{inside}\n</section>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Returns a table whose first column names its rows; on a narrow screen the other columns of a row stand below.

    Args:
        head: of each column.
        rows: a text for each column.
        caption: what the table holds.
    """
    top = "".join(f'<th scope="col" role="columnheader">{html.escape(text)}</th>' for text in head[1:])
    names = [html.escape(text) for text in head[1:]]
    lines = "\n".join(
        f'<tr role="row"><th scope="row" role="rowheader">{html.escape(first)}</th>'
        + "".join(
            f'<td role="cell" data-name="{name}">{html.escape(text)}</td>'
            for name, text in zip(names, rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    corner = f'<th scope="col" role="columnheader">{html.escape(head[0])}</th>' if head[0] else "<td></td>"
    return (
        f'<table role="table" class="of{len(head)}">\n<caption>{html.escape(caption)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{corner}{top}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{lines}\n</tbody></table>'
    )


def items(texts: Iterable[tuple[str, str]], kind: str = "") -> str:
    """Returns a list of items, each a few words in bold and what follows them."""
    lines = "\n".join(
        f"<li><strong>{html.escape(head)}</strong> {html.escape(text)}</li>" for head, text in texts
    )
    return f"<ul{_class(kind)}>\n{lines}\n</ul>"


def folded(summary: str, body: str) -> str:
    """Returns what opens at a click, without a script."""
    return f"<details><summary>{html.escape(summary)}</summary>\n{body}\n</details>"


def code(text: str) -> str:
    """Returns a line of code."""
    return f"<pre><code>{html.escape(text)}</code></pre>"


def contents(entries: Iterable[tuple[str, str]]) -> str:
    """Returns links to sections: (name, title) of each."""
    links = "\n".join(
        f'<li><a href="#{html.escape(name)}">{html.escape(title)}</a></li>' for name, title in entries
    )
    return f'<nav aria-label="Contents"><ol>\n{links}\n</ol></nav>'


def figure(picture: Picture) -> str:
    """Returns a figure with its picture inlined."""
    width, height = struct.unpack(">II", picture.png[16:24])
    data = base64.b64encode(picture.png).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}"'
        f' alt="{html.escape(picture.alt)}">'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
    )


def side_by_side(pictures: Iterable[Picture]) -> str:
    """Returns figures beside each other where the screen is wide, and below each other where it is not."""
    return '<div class="beside">\n' + "\n".join(map(figure, pictures)) + "\n</div>"


def _class(kind: str) -> str:
    return f' class="{html.escape(kind)}"' if kind else ""
