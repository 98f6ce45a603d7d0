from __future__ import annotations

import time

import pytest
from display_samples import KEY_ERROR, Story, failed, many, record, succeeded

from nbflow.core.status import RunStatus, TaskState
from nbflow.display import layout, live, render, svg_style
from nbflow.display.drawing import DrawingOptions
from nbflow.display.layout import find_engine
from nbflow.display.render import LiveCard, Renderer

NOW = 1_780_000_012.0


@pytest.fixture
def renderer(monkeypatch):
    """A renderer of this test's own; no thread of it is left."""
    own = Renderer()
    monkeypatch.setattr(render, "renderer", own)
    yield own
    own.stop()
    assert own._thread is None


class Page:
    """What a front end keeps: the last bundle of each output, and all messages."""

    def __init__(self, fails=False):
        self.outputs, self.messages, self.fails = {}, [], fails

    def publish(self, data, *, display_id, update):
        self.messages.append((display_id, data, update))
        if self.fails:
            raise RuntimeError("no page")
        assert update == (display_id in self.outputs)
        self.outputs[display_id] = data

    def part(self, letter):
        return next(data for name, data in self.outputs.items() if name.endswith(letter))


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running_story():
    a, b, top = record("A"), record("B", n="<b>"), record("Top")
    story = Story(top).task(a).task(b).task(top, a, b).ran(a).started(b, at=5.0)
    return story.progressed(b, fraction=0.62, message="3/5 <partitions>")


def test_pulse_says_what_runs_in_words():
    bundle = live.pulse(running_story().summary, now=NOW)

    assert (
        bundle["text/plain"] == "▶ Top() running     1 of 3 done · 1 running · 0 failed     12.0 s"
    )
    html = bundle["text/html"]
    assert "62 % · 3/5 &lt;partitions&gt; · 7.0 s" in html
    assert "data-nbflow-final" not in html
    assert html.count('role="status"') == 1
    assert "<style" not in html


def test_pulse_before_the_plan_says_so():
    assert "asking what is complete" in live.pulse(Story(record("A")).summary, now=NOW)["text/html"]


def test_pulse_shows_few_of_many_running_tasks():
    tasks = [record("A", n=n) for n in range(30)]
    story = Story(*tasks)
    for task in tasks:
        story.task(task)
    for task in tasks:
        story.started(task)

    assert "… and 22 more running" in live.pulse(story.summary, now=NOW)["text/html"]


def test_what_a_failure_blocks_is_seen_while_the_run_goes_on():
    a, b, top = record("A"), record("B"), record("Top")
    story = Story(top).task(a).task(b).task(top, a, b).failed(a, KEY_ERROR).started(b)

    graph = live.live_graph(story.summary)

    assert graph.nodes[top.task_id].state is TaskState.UPSTREAM_FAILED
    assert graph.nodes[b.task_id].state is TaskState.RUNNING


def test_picture_of_few_tasks_is_sent_once_and_recoloured():
    graph = live.LiveGraph("nbf1", find_engine())
    story = running_story()

    first = graph.due(live.live_graph(story.summary))
    again = graph.due(live.live_graph(story.ran(record("B", n="<b>")).summary))

    assert "<svg" in first
    assert again is None
    assert ":is(.n2)" in graph.style(live.live_graph(story.summary))


def test_picture_follows_tasks_that_are_added():
    graph = live.LiveGraph("nbf1", find_engine())
    story = running_story()
    first = graph.due(live.live_graph(story.summary))

    later = graph.due(live.live_graph(story.task(record("New")).summary))

    assert later is not None
    assert later.count('class="nd') == first.count('class="nd') + 1


def test_families_carry_their_own_states():
    graph = live.LiveGraph("nbf1", find_engine())
    summary = many().summary

    assert "data:image/svg+xml" in graph.due(live.live_graph(summary))
    assert graph.style(live.live_graph(summary)) == ""


def test_without_an_engine_there_is_no_picture():
    assert live.LiveGraph("nbf1", None).due(live.live_graph(many().summary)) is None


def test_card_is_shown_at_once_followed_and_ends_static(renderer):
    page, story = Page(), running_story()
    card = LiveCard(page.publish, DrawingOptions())

    card.show()
    card(story.events)
    wait_until(lambda: "62 %" in page.part("p").get("text/html", ""))
    wait_until(lambda: "<svg" in page.part("g").get("text/html", ""))
    done = story.ran(record("B", n="<b>")).ran(record("Top")).ended()
    card(done.events[-5:])

    assert page.part("p") == {}
    final = page.part("g")
    assert 'data-nbflow-final="1"' in final["text/html"]
    assert "<style" not in final["text/html"]
    assert final["text/plain"].startswith("RunResult r-20260822-153012-ab12  SUCCESS  Top()")
    wait_until(lambda: renderer._thread is None)


def test_boxes_say_what_the_words_say_although_the_layout_took_long(renderer, monkeypatch):
    def lay_out_slowly(picture, engine):
        card(story.ran(record("B", n="<b>")).events[-1:])  # meanwhile the task ends
        return layout.lay_out(picture, engine)

    page, story = Page(), running_story()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()
    renderer.forget(card)  # drawn by this test alone
    monkeypatch.setattr(live.layout, "lay_out_once", lay_out_slowly)
    card(story.events)

    card.draw()

    sent = page.part("p")["text/html"]
    assert "2 of 3 done" in sent
    assert (
        svg_style.state_css(card._scope, [TaskState.DONE, TaskState.DONE, TaskState.PENDING])
        in sent
    )


def test_events_in_a_flood_make_few_messages(renderer):
    page = Page()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()
    began = time.monotonic()
    for event in many(600).events:
        card([event])
    wait_until(lambda: "running" in page.part("p").get("text/html", ""))
    card(Story(record("A")).ended(RunStatus.FAILED).events[-1:])

    assert len(page.messages) <= 8 + 4 * (time.monotonic() - began)


def test_ended_card_is_not_drawn_again(renderer):
    page = Page()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()
    card(succeeded().events)
    sent = len(page.messages)

    card.draw()
    card.finish()

    assert len(page.messages) == sent


def test_withdrawn_card_leaves_nothing(renderer):
    page = Page()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()

    card.withdraw()

    assert set(map(str, page.outputs.values())) == {"{}"}
    wait_until(lambda: renderer._thread is None)


def test_page_that_cannot_be_reached_is_given_up_and_the_run_goes_on(renderer, caplog):
    page = Page(fails=True)
    card = LiveCard(page.publish, DrawingOptions())

    card.show()
    card(failed().events[:-1])
    wait_until(lambda: card._errors >= render.ERRORS)
    card(failed().events[-1:])

    assert card.ended
    assert "could not be sent" in caplog.text


def test_last_state_is_sent_again_after_a_burst(renderer, monkeypatch):
    monkeypatch.setattr(render, "RESEND", 0.2)
    monkeypatch.setattr(render, "WINDOW", 0.1)
    page = Page()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()
    for _ in range(render.BURST):
        renderer.count()
    card(succeeded().events)
    sent = len(page.messages)

    wait_until(lambda: len(page.messages) == sent + 2)
    assert 'data-nbflow-final="1"' in page.part("g")["text/html"]


def test_without_a_burst_nothing_is_sent_again(renderer, monkeypatch):
    monkeypatch.setattr(render, "RESEND", 0.05)
    page = Page()
    card = LiveCard(page.publish, DrawingOptions())
    card.show()
    card(succeeded().events)
    sent = len(page.messages)

    wait_until(lambda: renderer._thread is None)
    assert len(page.messages) == sent


def test_card_that_is_slow_to_draw_is_drawn_more_seldom():
    card = LiveCard(Page().publish, DrawingOptions())
    card.changed = True

    assert not card.is_due(now=10.0, drawn_at=9.0, interval=2.0)
    assert card.is_due(now=11.0, drawn_at=9.0, interval=2.0)
    card.urgent = True
    assert card.is_due(now=9.1, drawn_at=9.0, interval=2.0)


def test_clock_of_a_quiet_card_goes_on_slowly():
    card = LiveCard(Page().publish, DrawingOptions())
    card._last_event = 0.0

    assert card.is_due(now=20.0, drawn_at=19.0, interval=0.5)
    assert not card.is_due(now=105.0, drawn_at=100.0, interval=0.5)
    assert card.is_due(now=110.0, drawn_at=100.0, interval=0.5)
