"""Where boxes and lines stand: asked of Graphviz in a child process, once for each shape.

Only geometry comes from there; the language of the question holds numbers and nothing of a user's.
Without an engine there is no layout, and whoever draws shows the tree as text.

Source: Graphviz's `plain` output format.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import sys
import sysconfig
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbflow.display.picture import BoxSize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen

    from nbflow.display.picture import Picture

#: Seconds that one layout may take.
TIME_LIMIT = 8.0
#: Layouts that are remembered.
KEPT = 64
#: Width of an output in a usual notebook, in pixels.
ROOM = 900
_POINTS = 72.0
#: Inches between boxes of one rank, and between ranks.
_GAPS = {
    BoxSize.CARD: (0.17, 0.42),
    BoxSize.GROUP: (0.25, 0.45),
    BoxSize.CHIP: (0.10, 0.55),
    BoxSize.DOT: (0.09, 0.5),
}
#: Boxes above which lines are straight and Graphviz looks for crossings less long.
_MANY = 150

#: Widths that a card and a family's box have at least, where names need more.
_CARD_WIDTH = 132.0
#: And at most.
_MOST_WIDTH = 270.0
_GROUP_WIDTH = 200.0
#: Room for the longest word of a state beside the badge, so that parameters line up.
WORD_ROOM = 72.0
#: Pixels of a card at the left of its text, where the badge is, and at the right.
TEXT_LEFT, TEXT_RIGHT = 40.0, 10.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels from the upper left.

    Attributes
    ----------
    lines
        Lines of text in a card: 2 or 3.
    sizes, centres
        Of each box, in the order of the picture.
    paths
        Of each edge, in the order of the picture, as SVG path data.
    """

    lines: int
    width: float
    height: float
    sizes: tuple[tuple[float, float], ...]
    centres: tuple[tuple[float, float], ...]
    paths: tuple[str, ...]


_cache: OrderedDict[str, Layout | None] = OrderedDict()


def find_engine(named: str = "", *, stable: bool = False) -> str | None:
    """Path of the program that lays out graphs; None where there is none.

    Parameters
    ----------
    named
        What the configuration names: a path, or a program on PATH.
    stable
        Only the engine of this environment, so that pictures have the same bytes everywhere.
    """
    if named and not stable:
        return shutil.which(os.path.expanduser(named))
    suffix = ".exe" if os.name == "nt" else ""
    folders = [
        sysconfig.get_path("scripts"),
        os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin"),
        sysconfig.get_path("scripts", f"{os.name}_user"),
    ]
    for folder in folders:
        path = os.path.join(folder, f"graphviz-pure{suffix}")
        if os.access(path, os.X_OK):
            return path
    return shutil.which("graphviz-pure") or (None if stable else shutil.which("dot"))


def lay_out(picture: Picture, engine: str, *, rank: str = "") -> Layout | None:
    """The most readable layout of a picture; None where the engine fails or takes too long.

    Of cards, several are tried: two or three lines of text, from left to right or from the top
    down. Type must stay legible: width makes it smaller, height is only scrolled. Parameters that
    are cut are no easier to read than small ones.

    Parameters
    ----------
    rank
        "LR" or "TB" fixes the direction.
    """
    variants = [
        (lines, way)
        for way in ([rank] if rank else ["LR", "TB"] if _may_turn(picture) else ["LR"])
        for lines in ((2, 3) if picture.size is BoxSize.CARD else (3,))
    ]
    sizes = {lines: box_sizes(picture, lines) for lines, _ in variants}
    questions = [_question(picture, sizes[lines], way) for lines, way in variants]
    layouts = [
        layout
        for (lines, _), answer in zip(variants, _ask_all(engine, questions), strict=True)
        if (layout := _read(answer, picture, sizes[lines], lines)) is not None
    ]
    cut = {lines: _share_of_cut(picture, sizes[lines], lines) for lines in sizes}
    return min(layouts, key=lambda each: _cost(each) + cut[each.lines] / 2, default=None)


def lay_out_once(picture: Picture, engine: str, *, rank: str = "") -> Layout | None:
    """As `lay_out`, from memory where the same shape was laid out before."""
    sizes = {lines: box_sizes(picture, lines) for lines in (2, 3)}
    cut = [_share_of_cut(picture, sizes[lines], lines) for lines in sizes]
    shape = f"{engine}{rank}{picture.size}{sizes}{cut}{picture.edges}".encode()
    key = hashlib.blake2b(shape, digest_size=16).hexdigest()
    if key not in _cache:
        _cache[key] = lay_out(picture, engine, rank=rank)
        while len(_cache) > KEPT:
            _cache.popitem(last=False)
    _cache.move_to_end(key)
    return _cache[key]


def text_width(text: str, pixels: float) -> float:
    """Width of `text` in type of that size; an upper estimate for the usual fonts of a page."""
    return pixels * sum(map(_character_width, text))


def fit(text: str, pixels: float, room: float) -> str:
    """`text` cut in its middle to `room` pixels: both ends of a name carry meaning."""
    if text_width(text, pixels) <= room:
        return text
    while len(text) > 3 and text_width(text + "…", pixels) > room:
        middle = len(text) * 3 // 5
        text = text[:middle] + text[middle + 1 :]
    middle = len(text) * 3 // 5
    return f"{text[:middle]}…{text[middle:]}"


def box_sizes(picture: Picture, lines: int) -> tuple[tuple[float, float], ...]:
    """Width and height of each box; cards and families have one width: a calm rhythm."""
    if picture.size is BoxSize.DOT:
        return ((20.0, 20.0),) * len(picture.boxes)
    if picture.size is BoxSize.CHIP:
        labels = (f"{box.family} {box.words}" for box in picture.boxes)
        return tuple((min(190.0, 38 + text_width(label, 11.5)), 24.0) for label in labels)
    widths = []
    for box in picture.boxes:
        if box.is_group:
            widths.append(max(_GROUP_WIDTH, 64 + text_width(box.family + box.words, 13) * 1.06))
            continue
        words = text_width(box.words, 11)
        under = max(WORD_ROOM, words) if lines == 3 else WORD_ROOM + words
        named = max(text_width(box.family, 13) * 1.14, under)
        widths.append(min(_MOST_WIDTH, TEXT_LEFT + TEXT_RIGHT + named))
    # One long name must not make all boxes wide, and the type small: it is cut instead.
    usual = sorted(widths)[len(widths) // 2]
    least = _GROUP_WIDTH if any(box.is_group for box in picture.boxes) else _CARD_WIDTH
    width = min(max(widths), max(1.25 * usual, least))
    return ((float(math.ceil(width)), 60.0 if lines == 3 else 46.0),) * len(picture.boxes)


def _character_width(character: str) -> float:
    # Measured with DejaVu Sans, the widest of the usual fonts.
    if character in "iljI.,:;'|!()[] ":
        return 0.35
    if character in 'ftr-/"':
        return 0.42
    if character in "mwMW@%…×=+#":
        return 0.95
    if ord(character) > 0x2E7F:
        return 1.0
    return 0.72 if character.isupper() else 0.63


def _may_turn(picture: Picture) -> bool:
    return len(picture.boxes) <= _MANY


def _cost(layout: Layout) -> float:
    shrink = max(1.0, (layout.width + 32) / ROOM)
    return shrink**2 + max(0.0, layout.height / shrink - 560) / 1400


def _share_of_cut(picture: Picture, sizes: Sequence[tuple[float, float]], lines: int) -> float:
    """Share of the parameters that is cut off, of the cards on average."""
    if picture.size is not BoxSize.CARD:
        return 0.0
    beside = TEXT_LEFT + TEXT_RIGHT + (WORD_ROOM if lines == 2 else 0.0)
    boxes = zip(picture.boxes, sizes, strict=True)
    shares = (
        max(0.0, 1 - (width - beside) / max(text_width(box.words, 11), 1.0))
        for box, (width, _) in boxes
    )
    return sum(shares) / len(picture.boxes)


def _question(picture: Picture, sizes: Sequence[tuple[float, float]], rank: str) -> str:
    gap, rank_gap = _GAPS[picture.size]
    spacing = f"rankdir={rank};nodesep={gap};ranksep={rank_gap};"
    plain = 'node[shape=box,fixedsize=true,label=""];edge[arrowhead=none];'
    lines = [f"digraph{{{spacing}{plain}"]
    if len(picture.boxes) > _MANY:
        lines.append("splines=line;nslimit=2;nslimit1=2;mclimit=.3;")
    lines += [
        f"{number}[width={width / _POINTS:.4f},height={height / _POINTS:.4f}];"
        for number, (width, height) in enumerate(sizes)
    ]
    lines += [f"{up}->{down};" for up, down in picture.edges]
    return "".join([*lines, "}"])


def _ask_all(engine: str, questions: Sequence[str]) -> list[str | None]:
    """Graphviz's answers, asked at the same time; None for one that failed or took too long."""
    children = [_ask(engine, question) for question in questions]
    return [None if child is None else _answer(child) for child in children]


def _ask(engine: str, question: str) -> Popen[str] | None:
    import subprocess

    try:
        child = subprocess.Popen(
            [engine, "-Kdot", "-Tplain"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # The stop button signals the kernel's whole group.
            start_new_session=True,
        )
    except OSError:
        return None
    assert child.stdin is not None
    try:
        child.stdin.write(question)
        child.stdin.close()
    except OSError:
        pass  # it ended without reading; its exit code says so
    child.stdin = None
    return child


def _answer(child: Popen[str]) -> str | None:
    from subprocess import TimeoutExpired

    with child:
        try:
            answer, _ = child.communicate(timeout=TIME_LIMIT)
        except TimeoutExpired:
            child.kill()
            return None
        except BaseException:
            child.kill()
            raise
    return answer if child.returncode == 0 else None


def _read(
    answer: str | None, picture: Picture, sizes: tuple[tuple[float, float], ...], lines: int
) -> Layout | None:
    """The answer in the picture's own order: Graphviz returns edges in an order of its own."""
    if answer is None:
        return None
    width = height = 0.0
    centres: dict[int, tuple[float, float]] = {}
    paths: dict[tuple[int, int], str] = {}
    try:
        for line in answer.splitlines():
            kind, *words = line.split()
            if kind == "graph":
                width, height = float(words[1]) * _POINTS, float(words[2]) * _POINTS
            elif kind == "node":
                centres[int(words[0])] = _point(words[1:3], height)
            elif kind == "edge":
                paths[int(words[0]), int(words[1])] = _path(words[2:], height)
        return Layout(
            lines,
            width,
            height,
            sizes,
            tuple(centres[number] for number in range(len(picture.boxes))),
            tuple(paths[edge] for edge in picture.edges),
        )
    except (ValueError, IndexError, KeyError):
        return None


def _point(words: Sequence[str], height: float) -> tuple[float, float]:
    return round(float(words[0]) * _POINTS, 1), round(height - float(words[1]) * _POINTS, 1)


def _path(words: Sequence[str], height: float) -> str:
    count = int(words[0])
    points = [_point(words[1 + 2 * i : 3 + 2 * i], height) for i in range(count)]
    (x, y), *rest = points
    return f"M{x:.0f} {y:.0f}C" + " ".join(f"{a:.0f} {b:.0f}" for a, b in rest)
