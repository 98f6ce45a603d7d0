"""What can be said of a card's looks without an eye: contrast, clipped and overlapping text, bars.

All is measured on the page as it is painted: computed colours over the colours below them, and the
boxes of the text itself.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

#: Functions for the page; `colour` understands whatever the browser does.
_TOOLS = r"""
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const colour = text => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = '#000';
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below, strength = 1) => {
  const a = top[3] * strength;
  return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)).concat(1);
};
const light = c => {
  const [r, g, b] = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const contrast = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + .05) / (y + .05);
};
const ancestors = node => {
  const found = [];
  for (let e = node; e; e = e.parentElement) found.unshift(e);
  return found;
};
const ground = element => ancestors(element).reduce(
  (below, e) => over(colour(getComputedStyle(e).backgroundColor), below), [255, 255, 255, 1]);
const strength = element => ancestors(element).reduce(
  (all, e) => all * getComputedStyle(e).opacity, 1);
const isShown = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true});
const texts = root => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || !isShown(parent) || parent.closest('style,script,title,.jp-OutputPrompt')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(b => b.width > .5 && b.height > .5);
    if (boxes.length) found.push({node, parent, boxes, text: node.data.trim().slice(0, 60)});
  }
  return found;
};
"""

_FAINT_TEXT = f"""(root) => {{ {_TOOLS}
  return texts(root).map(t => {{
    const below = ground(t.parent);
    const ink = over(colour(getComputedStyle(t.parent).color), below, strength(t.parent));
    return [t.text, contrast(ink, below)];
  }});
}}"""

_CLIPPED = f"""(root) => {{ {_TOOLS}
  const found = [];
  for (const t of texts(root)) {{
    const around = ancestors(t.parent).filter(
      e => root.contains(e) && (e === root || getComputedStyle(e).overflowX !== 'visible'));
    for (const e of around) {{
      const frame = e.getBoundingClientRect();
      for (const b of t.boxes)
        if (b.left < frame.left - 1 || b.right > frame.right + 1) found.push(t.text);
    }}
  }}
  return [...new Set(found)];
}}"""

_OVERLAPPING = f"""(root) => {{ {_TOOLS}
  const boxes = texts(root).flatMap(t => t.boxes.map(b => [t, b])), found = [];
  for (let i = 0; i < boxes.length; i++) for (let k = i + 1; k < boxes.length; k++) {{
    const [[t, a], [u, b]] = [boxes[i], boxes[k]];
    if (t.parent === u.parent) continue;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1.5 && high > Math.min(a.height, b.height) * .35) found.push(`${{t.text}} / ${{u.text}}`);
  }}
  return found;
}}"""

_SCROLLING = """(root) => [root, ...root.querySelectorAll('*')].filter(e => {
  const style = getComputedStyle(e);
  const bars = x => ['auto', 'scroll'].includes(x);
  return bars(style.overflowX) && e.scrollWidth > e.clientWidth + 1
      || bars(style.overflowY) && e.scrollHeight > e.clientHeight + 1;
}).map(e => `${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 60)}`)"""

_BACKGROUNDS = f"""(root) => {{ {_TOOLS}
  return [...root.querySelectorAll('[style*="background"]:not([aria-hidden] *)')]
    .map(e => [e.tagName, getComputedStyle(e).backgroundColor])
    .filter(([_, c]) => colour(c)[3] > .5);
}}"""

#: In a drawn graph: each text beside the box it stands in, and what is drawn beside it.
_DRAWING = f"""(svg) => {{ {_TOOLS}
  const page = getComputedStyle(svg).colorScheme.includes('dark') ? [17, 17, 17, 1] : [255, 255, 255, 1];
  const plate = svg.querySelector('.pl');
  const paint = (e, name, below) => {{
    const style = getComputedStyle(e);
    if (style[name] === 'none') return null;
    return over(colour(style[name]), below, style[name + 'Opacity'] * strength(e));
  }};
  const base = plate ? paint(plate, 'fill', page) : page;
  const cards = [...svg.querySelectorAll('rect')].filter(r => r !== plate && r.getBoundingClientRect().height > 20);
  const around = box => cards.map(c => [c, c.getBoundingClientRect()]).find(([_, f]) =>
    f.left - 1 <= (box.left + box.right) / 2 && (box.left + box.right) / 2 <= f.right + 1 &&
    f.top - 1 <= (box.top + box.bottom) / 2 && (box.top + box.bottom) / 2 <= f.bottom + 1);
  const frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll('text')].filter(isShown).map(t => {{
    const box = t.getBoundingClientRect(), found = around(box);
    const below = found ? paint(found[0], 'fill', base) || base : base;
    const limit = found ? found[1] : frame;
    const inside = box.left >= limit.left - 1 && box.right <= limit.right + 1
      && box.top >= limit.top - 1 && box.bottom <= limit.bottom + 1;
    return [t.textContent, contrast(paint(t, 'fill', below), below), inside];
  }});
  const marks = [...svg.querySelectorAll('.es,.ah,[class^=f],[class^=k]')].filter(isShown).map(m => {{
    // A line leads from box to box: what is in the middle of it is not below it.
    const found = m.matches('.es,.ah') ? null : around(m.getBoundingClientRect());
    const below = found ? paint(found[0], 'fill', base) || base : base;
    const ink = paint(m, 'stroke', below) || paint(m, 'fill', below);
    return [m.getAttribute('class'), contrast(ink, below)];
  }});
  return {{words, marks}};
}}"""


def text_contrasts(card: Locator) -> dict[str, float]:
    """Each shown text of a card with its contrast to what is below it."""
    return dict(card.evaluate(_FAINT_TEXT))


def clipped_texts(card: Locator) -> list[str]:
    """Texts that reach out of the card, or of a part that cuts them off."""
    found: list[str] = card.evaluate(_CLIPPED)
    return found


def overlapping_texts(card: Locator) -> list[str]:
    """Pairs of texts that lie on each other."""
    found: list[str] = card.evaluate(_OVERLAPPING)
    return found


def scrolling_parts(card: Locator) -> list[str]:
    """Parts of the card that have a scroll bar."""
    found: list[str] = card.evaluate(_SCROLLING)
    return found


def backgrounds(card: Locator) -> list[list[str]]:
    """Parts of the card that say a colour which covers the page's own; a bar's pieces apart."""
    found: list[list[str]] = card.evaluate(_BACKGROUNDS)
    return found


def pictures(html: str) -> list[str]:
    """The drawn graphs that stand in HTML as images, as SVG."""
    return [
        base64.b64decode(found).decode()
        for found in re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", html)
    ]


def drawing(browser: Browser, svg: str, *, scheme: str) -> dict[str, list[Any]]:
    """What a picture looks like on a page of the colour scheme "light" or "dark".

    Returns
    -------
    dict
        `words`: (text, contrast, is inside of its box); `marks`: (class, contrast) of lines,
        arrows and badges.
    """
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1600, "height": 1200})
    try:
        page.set_content(f"<body style='margin:0;color-scheme:{scheme}'>{svg}</body>")
        found: dict[str, list[Any]] = page.locator("svg").first.evaluate(_DRAWING)
    finally:
        page.close()
    return found
