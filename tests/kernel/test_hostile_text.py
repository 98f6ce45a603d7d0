"""Text of the user's that looks like markup, code or control is shown as text, everywhere."""

from __future__ import annotations

import base64
import html
import re
from html.parser import HTMLParser

import pytest
from magics_kernels import kernel

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"];a->b;"',
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\u202ereversed\u2066",
    "</script><script>alert(1)</script>",
    "</pre></details><b onclick=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "é" * 100_000,
    "]]><svg onload=alert(1)>",
    "a\nb\tc\r\x00d",
)

SETUP = """
%load_ext nbflow
import nbflow
hostile = {hostile!r}

class Raw(nbflow.Task):
    text: str
    def output(self):
        return nbflow.MockTarget(f"raw {{self.text}}")
    def run(self):
        self.status(self.text)
        self.set_tracking_url("javascript:alert(1)")
        print(self.text)
        with self.output().open("w") as file:
            file.write("x")

class Bad(nbflow.Task):
    text: str
    def requires(self):
        return Raw(text=self.text)
    def run(self):
        self.set_tracking_url("https://example.org/<b>")
        error = ValueError(self.text)
        error.add_note(self.text)
        raise error
"""

#: Elements and attributes that nbflow's own cards consist of.
ELEMENTS = frozenset(
    (
        "a",
        "b",
        "br",
        "caption",
        "code",
        "details",
        "div",
        "img",
        "p",
        "pre",
        "span",
        "style",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
    )
)
DRAWN = frozenset(
    (
        "circle",
        "clippath",
        "defs",
        "desc",
        "ellipse",
        "g",
        "line",
        "marker",
        "path",
        "polygon",
        "polyline",
        "rect",
        "style",
        "svg",
        "symbol",
        "text",
        "title",
        "tspan",
        "use",
    )
)


class Elements(HTMLParser):
    """Names of elements, attributes and addresses of links."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.links = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value for name, value in attrs if name in {"href", "src", "xlink:href"}}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """All bundles that a kernel sends for tasks with hostile text."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "nbflow.toml").touch()
    bundles = []
    with kernel(folder, NBFLOW_DISPLAY="live") as running:
        assert running.run(SETUP.format(hostile=HOSTILE)).errors == []
        for number in range(len(HOSTILE)):
            task = f"Bad text=$hostile[{number}]".replace(f"$hostile[{number}]", "$text")
            running.run(f"text = hostile[{number}]")
            for line in (
                f"%nbflow run {task} --no-raise --no-tee",
                f"%nbflow dag {task}",
                f"%nbflow plan {task}",
                f"%nbflow show {task}",
                "Raw(text=text)",
                "%nbflow log",
                "%nbflow history --task --limit 2",
                "%nbflow last",
            ):
                out = running.run(line)
                assert out.errors == [], (line, HOSTILE[number][:40], out.errors)
                found = [*out.displays, *out.updates, *out.results]
                bundles += [(line, number, bundle["data"]) for bundle in found]
    return bundles


def test_html_consists_of_nbflows_own_elements(shown):
    for line, number, data in shown:
        found = Elements(data.get("text/html", ""))
        own = ELEMENTS | (DRAWN if "<svg" in data.get("text/html", "")[:20_000] else set())
        assert found.names <= own, (line, HOSTILE[number][:40], found.names - own)
        assert not {name for name in found.attributes if name.startswith("on")}
        assert all(
            link.startswith(("data:image/svg+xml;base64,", "https://example.org/", "#"))
            for link in found.links
        )


def test_pictures_consist_of_nbflows_own_elements(shown):
    pictures = [
        base64.b64decode(found).decode()
        for _, _, data in shown
        for found in re.findall(r"svg\+xml;base64,([A-Za-z0-9+/=]+)", data.get("text/html", ""))
    ]
    assert pictures
    for picture in pictures:
        found = Elements(picture)
        assert found.names <= DRAWN, found.names - DRAWN
        assert not {name for name in found.attributes if name.startswith("on")}


def test_no_text_holds_control_or_direction_characters(shown):
    for line, number, data in shown:
        for mime in ("text/plain", "text/html"):
            raw = set("\x00\x07\x1b\u202e\u2066\r") & set(data.get(mime, ""))
            assert not raw, (line, mime, HOSTILE[number][:40], raw)


def test_long_text_is_cut(shown):
    sizes = {line: len(str(data)) for line, number, data in shown if len(HOSTILE[number]) > 10_000}

    assert max(sizes.values()) <= 60_000, sizes


def test_the_text_itself_is_there(shown):
    told = "".join(data.get("text/plain", "") for _, number, data in shown if number == 0)
    drawn = "".join(data.get("text/html", "") for _, number, data in shown if number == 0)

    assert "<img src=x onerror=alert(1)>" in told
    assert html.escape("<img src=x onerror=alert(1)>") in drawn
