"""A graph as SVG, drawn by nbflow: one dialect for saved pictures and for live ones.

A saved picture has everything written out as attributes, and one rule for dark pages: an `<img>`
follows the colour scheme of the page around it. A live one takes its colours, badges and words
from CSS variables, see `svg_style`. Box number k has the class `n<k>` in both.

Text in SVG cannot be changed by CSS: live badges and words are sprites behind windows.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.status import TaskState
from nbflow.display.badges import INDEX, badge
from nbflow.display.escape import markup
from nbflow.display.layout import ROOM, TEXT_LEFT, TEXT_RIGHT, WORD_ROOM, fit, text_width
from nbflow.display.picture import BoxSize
from nbflow.display.svg_style import dark_css
from nbflow.display.theme import FONT, LIGHT, ORDER, STYLES, mix, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.display.layout import Layout
    from nbflow.display.picture import Box, Picture

_PAD = 16
_FINISHED = {TaskState.DONE, TaskState.COMPLETE}
#: States of a family that its line of words leaves to the bar.
_UNSPOKEN = {*_FINISHED, TaskState.PENDING, TaskState.CANCELLED}
_RADIUS = {BoxSize.CARD: 9, BoxSize.GROUP: 9, BoxSize.CHIP: 6, BoxSize.DOT: 4}
#: Where the badge stands, and its size.
_BADGE = {BoxSize.CHIP: (6, 4, 16), BoxSize.DOT: (3, 3, 14)}


class _Ink(NamedTuple):
    """How the colours that are no state's are written."""

    text: str
    second: str
    edge: str
    page: str
    rim: str


_WRITTEN = _Ink(LIGHT.text, LIGHT.second, LIGHT.edge, LIGHT.page, LIGHT.rim)
_VARIABLE = _Ink("var(--fg)", "var(--fg2)", "var(--edge)", "var(--bg)", "var(--rim)")


def static_svg(
    picture: Picture, layout: Layout, tallies: Sequence[Counter[TaskState]], *, tips: bool = False
) -> str:
    """The picture with its states, for files, `<img>` and other programs; the same bytes always.

    Parameters
    ----------
    tallies
        How many tasks of each box stand in which state.
    tips
        Name each task in full where the mouse rests; an `<img>` does not show it.
    """
    counts = sum(tallies, Counter[TaskState]())
    used = [state for state in ORDER if counts[state]]
    width, height = _size(layout, used, counts)
    parts = [
        _open(width, height, f"Graph of {_spoken(counts)}", picture.size),
        "<defs>",
        _arrow_head(_WRITTEN, "nbf"),
        *(_badge_definition(state) for state in used),
        _card_definitions(picture, layout, tallies),
        "</defs>",
        f"<style>{dark_css(used)}</style>",
        (
            f'<rect class="pl" x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1:.0f}" '
            f'rx="10" '
            f'fill="{LIGHT.page}" stroke="{LIGHT.rim}"/>'
        ),
        f'<g transform="translate({(width - layout.width) / 2:.0f} {_PAD})">',
        _edges(picture, layout, _WRITTEN, "nbf"),
    ]
    for number, tally in enumerate(tallies):
        parts.append(_static_box(picture, layout, number, tally, tips=tips))
    return "".join([*parts, "</g>", _legend(used, counts, height), "</svg>"])


def live_svg(picture: Picture, layout: Layout, scope: str) -> str:
    """The picture without states: they come as style, and bars of families by who shows it.

    Parameters
    ----------
    scope
        Class of the element around it, unique on the page; see `svg_style`.
    """
    width, height = layout.width + 2 * _PAD, layout.height + 2 * _PAD
    count = sum(len(box.ids) for box in picture.boxes)
    parts = [
        _open(
            width,
            height,
            f"Graph of {count} tasks; the line above says how they stand",
            picture.size,
        ),
        f"<defs>{_arrow_head(_VARIABLE, scope)}{_sprites(scope)}</defs>",
        f'<g transform="translate({_PAD} {_PAD})">',
        _edges(picture, layout, _VARIABLE, scope),
        *(_live_box(picture, layout, number, scope) for number in range(len(picture.boxes))),
    ]
    return "".join([*parts, "</g></svg>"])


def image_html(svg: str, counts: Mapping[TaskState, int]) -> str:
    """A saved picture as an element that sanitisers keep."""
    code = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="Graph of {markup(_spoken(counts))}" '
        f'src="data:image/svg+xml;base64,{code}" style="max-width:100%">'
    )


# -- the frame ------------------------------------------------------------------------------------


def _size(
    layout: Layout, used: Sequence[TaskState], counts: Mapping[TaskState, int]
) -> tuple[float, float]:
    legend = sum(_legend_width(state, counts) for state in used) + _PAD
    return max(layout.width + 2 * _PAD, legend), layout.height + 2 * _PAD + 30


def _open(width: float, height: float, said: str, size: BoxSize) -> str:
    scale = min(1.0, ROOM / width)
    if size in {BoxSize.CHIP, BoxSize.DOT}:
        scale = min(scale, 640 / height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dag" viewBox="0 0 {width:.0f} '
        f'{height:.0f}" width="{width * scale:.0f}" height="{height * scale:.0f}" role="img" '
        f'aria-label="{markup(said)}" font-family="{FONT}" font-size="13">'
    )


def _spoken(counts: Mapping[TaskState, int]) -> str:
    total = sum(counts.values())
    told = ", ".join(f"{counts[s]} {STYLES[s].word}" for s in ORDER if counts.get(s))
    return f"{total} task{'' if total == 1 else 's'}: {told}"


def _arrow_head(ink: _Ink, scope: str) -> str:
    return (
        f'<marker id="{scope}a" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="9" '
        'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 .6 7.6 4 0 7.4 1.8 4z" fill="{ink.edge}" class="ah"/></marker>'
    )


def _edges(picture: Picture, layout: Layout, ink: _Ink, scope: str) -> str:
    dense = picture.size is BoxSize.DOT
    look = 'stroke-width=".8" stroke-opacity=".45"' if dense else 'stroke-width="1.3"'
    head = "" if dense else f' marker-end="url(#{scope}a)"'
    paths = "".join(f'<path class="ed" d="{path}"{head}/>' for path in layout.paths)
    return f'<g class="es" fill="none" stroke="{ink.edge}" {look}>{paths}</g>'


def _legend(used: Sequence[TaskState], counts: Mapping[TaskState, int], height: float) -> str:
    """The counts of the states that occur, worst first, with the badges as they are drawn."""
    parts, x, y = [], float(_PAD), height - 12
    for state in used:
        parts.append(
            f'<use href="#g{INDEX[state]}" transform="translate({x:.0f} {y - 12:.0f}) scale(.75)"/>'
            f'<text class="t1" x="{x + 20:.0f}" y="{y:.0f}" font-size="12" fill="{LIGHT.text}">'
            f'<tspan font-weight="600">{counts[state]:,}</tspan> {STYLES[state].word}</text>'
        )
        x += _legend_width(state, counts)
    return "".join(parts)


def _legend_width(state: TaskState, counts: Mapping[TaskState, int]) -> float:
    return 38 + text_width(f"{counts[state]:,} {STYLES[state].word}", 12)


def _badge_definition(state: TaskState) -> str:
    inner = badge(state, STYLES[state].light, LIGHT.page, named=True)
    return f'<g id="g{INDEX[state]}">{inner}</g>'


def _sprites(scope: str) -> str:
    """All badges side by side and all words below each other; style shifts them behind a window."""
    badges = "".join(
        f'<g transform="translate({24 * number})">{badge(state, "var(--c)", "var(--bg)")}</g>'
        for state, number in INDEX.items()
    )
    words = "".join(
        f'<text y="{11 + 20 * number}">{STYLES[state].word}</text>'
        for state, number in INDEX.items()
    )
    return (
        f'<g id="{scope}g">{badges}</g>'
        f'<g id="{scope}w" font-size="11" font-weight="600">{words}</g>'
    )


# -- boxes ----------------------------------------------------------------------------------------


def _static_box(
    picture: Picture, layout: Layout, number: int, tally: Counter[TaskState], *, tips: bool
) -> str:
    state = worst(tally)
    style, name = STYLES[state], INDEX[state]
    box, size = picture.boxes[number], layout.sizes[number]
    tip = f"<title>{markup(box.name)} – {style.word}</title>" if tips else ""
    if box.is_group or picture.size is BoxSize.CHIP:
        frame = _frame(picture, layout, box, state, size)
    else:
        frame = f'<use href="#c{name}"/>'
    parts = [f"{_group(layout, number)}{tip}{frame}"]
    if box.is_group:
        parts.append(_family_words(box, size[0], tally))
    elif picture.size is BoxSize.CHIP:
        parts.append(_chip_words(box, size[0], _WRITTEN))
    elif picture.size is not BoxSize.DOT:
        x, y, *_ = _word_places(layout, box)
        word = (
            f'<text class="w{name}" x="{x:g}" y="{y:g}" font-size="11" font-weight="600" '
            f'fill="{style.light}">{style.word}</text>'
        )
        parts += [_card_words(layout, box, size[0], _WRITTEN), word]
    return "".join([*parts, "</g>"])


def _frame(
    picture: Picture, layout: Layout, box: Box, state: TaskState, size: tuple[float, float]
) -> str:
    """Outline and badge of a box."""
    style, name, (width, height) = STYLES[state], INDEX[state], size
    ink = style.light
    rim = mix(ink, LIGHT.page, 0.5) if style.quiet else ink
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    x, y, side = _badge_place(picture, layout, box)
    return (
        f'<rect class="bx x{name}" width="{width:.0f}" height="{height:.0f}" '
        f'rx="{_RADIUS[picture.size]}" fill="{mix(ink, LIGHT.page, LIGHT.tint)}" stroke="{rim}" '
        f'stroke-width="{style.width:g}"{dash}/>'
        f'<use href="#g{name}" transform="translate({x} {y}) scale({side / 20:g})"/>'
    )


def _card_definitions(
    picture: Picture, layout: Layout, tallies: Sequence[Counter[TaskState]]
) -> str:
    """Outline and badge once for each state: single tasks have boxes of one size."""
    if picture.size is BoxSize.CHIP:
        return ""
    singles = {
        worst(tally): (box, size)
        for box, size, tally in zip(picture.boxes, layout.sizes, tallies, strict=True)
        if not box.is_group
    }
    return "".join(
        f'<g id="c{INDEX[state]}">{_frame(picture, layout, box, state, size)}</g>'
        for state, (box, size) in sorted(singles.items(), key=lambda item: INDEX[item[0]])
    )


def _live_box(picture: Picture, layout: Layout, number: int, scope: str) -> str:
    box, (width, height) = picture.boxes[number], layout.sizes[number]
    x, y, size = _badge_place(picture, layout, box)
    parts = [
        (
            f"{_group(layout, number)}<title>{markup(box.name)}</title>"
            f'<rect class="bx" width="{width:.0f}" height="{height:.0f}" '
            f'rx="{_RADIUS[picture.size]}"/>'
            f'<svg x="{x}" y="{y}" width="{size}" height="{size}" viewBox="0 0 20 20">'
            f'<use href="#{scope}g" class="gl"/></svg>'
        ),
    ]
    if box.is_group:
        parts.append(_family_title(box, width, _VARIABLE))
    elif picture.size is BoxSize.CHIP:
        parts.append(_chip_words(box, width, _VARIABLE))
    elif picture.size is not BoxSize.DOT:
        wx, wy, *_ = _word_places(layout, box)
        window = (
            f'<svg x="{wx:g}" y="{wy - 11:g}" width="{WORD_ROOM:g}" height="16">'
            f'<use href="#{scope}w" class="wl"/></svg>'
        )
        parts += [_card_words(layout, box, width, _VARIABLE), window]
    return "".join([*parts, "</g>"])


def _group(layout: Layout, number: int) -> str:
    (width, height), (x, y) = layout.sizes[number], layout.centres[number]
    place = f"translate({x - width / 2:.0f} {y - height / 2:.0f})"
    return f'<g class="nd n{number}" data-k="{number}" transform="{place}">'


def _badge_place(picture: Picture, layout: Layout, box: Box) -> tuple[int, int, int]:
    if picture.size in _BADGE:
        return _BADGE[picture.size]
    if box.is_group:
        return 13, 12, 20
    return 11, 13 if layout.lines == 2 else 20, 20


def _word_places(layout: Layout, box: Box) -> tuple[float, float, float, float]:
    """Where the state's word stands, and where the parameters do."""
    if layout.lines == 2:
        return TEXT_LEFT, 36, TEXT_LEFT + WORD_ROOM, 36
    return TEXT_LEFT, 50 if box.words else 35, TEXT_LEFT, 35


def _card_words(layout: Layout, box: Box, width: float, ink: _Ink) -> str:
    family = markup(fit(box.family, 14.6, width - TEXT_LEFT - 2))
    top = 20 if layout.lines == 2 else 19
    title = (
        f'<text class="t1" x="{TEXT_LEFT:g}" y="{top}" font-weight="600" fill="{ink.text}">'
        f"{family}</text>"
    )
    if not box.words:
        return title
    *_, x, y = _word_places(layout, box)
    words = markup(fit(box.words, 11, width - x - TEXT_RIGHT))
    return (
        f'{title}<text class="t2" x="{x:g}" y="{y:g}" font-size="11" fill="{ink.second}">'
        f"{words}</text>"
    )


def _chip_words(box: Box, width: float, ink: _Ink) -> str:
    label = markup(fit(f"{box.family} {box.words}".strip(), 11.5, width - 34))
    return f'<text class="t1" x="27" y="16" font-size="11.5" fill="{ink.text}">{label}</text>'


def _family_title(box: Box, width: float, ink: _Ink) -> str:
    family = markup(fit(box.family, 14.6, width - 56 - text_width(box.words, 13)))
    return (
        f'<text class="t1" x="44" y="20" font-weight="600" fill="{ink.text}">{family}'
        f'<tspan class="t2" font-weight="400" fill="{ink.second}"> {markup(box.words)}'
        "</tspan></text>"
    )


def _family_words(box: Box, width: float, tally: Counter[TaskState]) -> str:
    total, span = sum(tally.values()), width - 56
    parts = [_family_title(box, width, _WRITTEN), *_bar(tally, span)]
    spoken = [f"{tally[s]} {STYLES[s].word}" for s in ORDER if tally[s] and s not in _UNSPOKEN]
    done = f"{sum(tally[s] for s in _FINISHED):,}/{total:,} done"
    lines = (" · ".join([*spoken[:count], done]) for count in (3, 2, 1, 0))
    words = next((line for line in lines if text_width(line, 11) <= span + 8), done)
    parts.append(
        f'<text class="t2" x="44" y="50" font-size="11" fill="{LIGHT.second}">{words}</text>'
    )
    return "".join(parts)


def _bar(tally: Counter[TaskState], span: float) -> Iterable[str]:
    total, x = sum(tally.values()), 44.0
    for state in ORDER:
        if tally[state]:
            part = max(3.0, span * tally[state] / total)
            hollow = ' fill-opacity=".25"' if state is TaskState.PENDING else ""
            yield (
                f'<rect class="f{INDEX[state]}" x="{x:.1f}" y="28" width="{part - 1:.1f}" '
                f'height="6" rx="1.5" fill="{STYLES[state].light}"{hollow}/>'
            )
            x += part
