from __future__ import annotations

from display_graphs import Grower, diamond, wide

from nbflow.core.graph import TaskGraph
from nbflow.core.status import TaskState
from nbflow.display.picture import BoxSize, picture_of


def test_few_tasks_have_a_card_each():
    picture = picture_of(diamond())

    assert picture.size is BoxSize.CARD
    assert [(box.family, box.words) for box in picture.boxes] == [
        ("Raw", "n=1"),
        ("Left", "n=1"),
        ("Right", "n=1"),
        ("Top", "n=1"),
    ]
    assert picture.edges == ((0, 1), (0, 2), (1, 3), (2, 3))


def test_boxes_leave_out_what_the_root_says_of_all():
    g = Grower()
    raw = [g.add("Raw", day="1", region=region) for region in ("DE", "FR")]
    other = g.add("Raw", day="1", region="UK", scale="2")
    clean = g.add("Clean", *raw, other, day="1")
    picture = picture_of(g.graph(g.add("Top", clean, day="1", scale="1")))

    assert [(box.family, box.words) for box in picture.boxes] == [
        ("Raw", "region=DE"),
        ("Raw", "region=FR"),
        ("Raw", "region=UK, scale=2"),
        ("Clean", "day=1"),
        ("Top", "day=1, scale=1"),
    ]
    assert picture.boxes[0].name == "Raw(day=1, region=DE)"


def test_many_tasks_are_families_with_counts():
    graph = wide(100)
    picture = picture_of(graph)

    assert picture.size is BoxSize.GROUP
    assert [(box.family, box.words) for box in picture.boxes] == [
        ("Raw", "×100"),
        ("Day", "×100"),
        ("Year", "year=2026"),
    ]
    assert picture.edges == ((0, 1), (1, 2))
    assert picture.tallies(graph)[1] == {TaskState.DONE: 100}


def test_many_beside_each_other_are_a_family_too():
    assert picture_of(wide(16)).size is BoxSize.CARD
    assert picture_of(wide(17)).size is BoxSize.GROUP
    assert picture_of(wide(17), expand=True).size is BoxSize.CARD


def test_failure_leaves_its_family_and_so_does_what_it_blocks():
    graph = wide(100, bad={7})
    picture = picture_of(graph)

    assert [(box.family, box.words) for box in picture.boxes] == [
        ("Raw", "×100"),
        ("Day", "×99"),
        ("Day", "day=7"),
        ("Year", "year=2026"),
    ]
    assert picture.states(graph)[2:] == [TaskState.FAILED, TaskState.UPSTREAM_FAILED]
    assert (2, 3) in picture.edges


def test_many_failures_stay_with_their_family():
    graph = wide(100, bad=set(range(20)))
    picture = picture_of(graph)

    assert len(picture.boxes) == 3
    assert picture.states(graph)[1] is TaskState.FAILED


def test_expanded_tasks_have_small_boxes():
    assert picture_of(wide(60), expand=True).size is BoxSize.CHIP
    assert picture_of(wide(300), expand=True).size is BoxSize.DOT
    assert picture_of(wide(1_500), expand=True) is None


def test_nothing_and_too_much_are_not_drawn():
    assert picture_of(TaskGraph(())) is None
    many = Grower()
    tasks = [many.add(f"Family{n}") for n in range(300)]
    assert picture_of(many.graph(*tasks)) is None


def test_requirements_that_were_not_looked_at_have_no_edge():
    g = Grower()
    elsewhere = Grower().add("Elsewhere")
    top = g.add("Top", elsewhere)

    assert picture_of(g.graph(top)).edges == ()
