"""One HTML page that needs no other file and no network: pictures are inside it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image

from sfumato.metrics.score import Score

_KINDS = {".png": "png", ".gif": "gif", ".jpg": "jpeg", ".webp": "webp"}
_FORM = Path(__file__).with_name("page.html")


def page(title: str, lead: str, *sections: str) -> str:
    """A whole page; `lead` is one sentence of HTML under the title."""
    words = {"title": escape(title), "lead": lead, "body": "\n".join(sections)}
    text = _FORM.read_text("utf-8")
    for name, value in words.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def section(heading: str, *parts: str) -> str:
    """A part of the page under a heading."""
    return f"<section><h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"


def paragraph(html: str) -> str:
    """Running text; the caller escapes what is not its own."""
    return f"<p>{html}</p>"


def figures(*parts: str) -> str:
    """Pictures side by side where the window is wide enough."""
    return f'<div class="row">{"".join(parts)}</div>'


def figure(picture: Path | Image.Image, caption: str, *, pixels: bool = True) -> str:
    """A picture with what it shows; `pixels` keeps its pixels sharp when it is enlarged."""
    kind = "pixels" if pixels else "smooth"
    return (
        f'<figure><img class="{kind}" src="{_uri(picture)}" alt="{escape(caption, quote=True)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def commands(*lines: tuple[str, str]) -> str:
    """Commands to type, each with what it does."""
    rows = "".join(
        f"<tr><td><code>{escape(line)}</code></td><td>{escape(about)}</td></tr>"
        for line, about in lines
    )
    return f'<table class="commands">{rows}</table>'


def scores(columns: Mapping[str, Mapping[str, Score]]) -> str:
    """Scores by place: one column each, then floor and ceiling where all places share them."""
    names = list(dict.fromkeys(name for held in columns.values() for name in held))
    heads = ["score", *columns, "trivial", "real images", "n"]
    body = []
    for name in names:
        held = [by_name.get(name) for by_name in columns.values()]
        first = next(score for score in held if score is not None)
        cells = [f"{escape(name)} {first.arrow}"]
        cells += [f"<b>{number(score)}</b>" for score in held]
        cells += [
            ends(held, "floor"),
            ends(held, "ceiling"),
            agreed(f"{score.n:,}" if score.n else "" for score in held if score),
        ]
        body.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<table class="scores"><tr>{head}</tr>{"".join(body)}</table>'


def number(score: Score | None) -> str:
    """A value with its error, in four digits; a dash for none."""
    if score is None:
        return "–"
    error = f" ± {score.error:.2g}" if score.error is not None else ""
    return f"{score.value:.4g}{error}"


def ends(held: Sequence[Score | None], end: str) -> str:
    """The floor or ceiling of some scores: one number where they agree, else each one's."""
    values = [getattr(score, end) for score in held if score is not None]
    return agreed("–" if value is None else f"{value:.4g}" for value in values)


def agreed(words: Iterable[str]) -> str:
    """One word where all columns have the same, else that of each."""
    said = list(words)
    return said[0] if len(set(said)) == 1 else " | ".join(said)


def _uri(picture: Path | Image.Image) -> str:
    if isinstance(picture, Path):
        kind, data = _KINDS[picture.suffix.lower()], picture.read_bytes()
    else:
        buffer = BytesIO()
        picture.save(buffer, "PNG")
        kind, data = "png", buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
