"""Handlers of a task's events: who is called, in which order, what their errors do."""

from __future__ import annotations

import gc
import logging
import threading
import warnings
import weakref

import cloudpickle
import pytest

from nbflow.core.model.callbacks import Event
from nbflow.core.model.task import Task, externalize

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import luigi


@pytest.fixture
def family():
    class Base(Task):
        pass

    class Sub(Base):
        pass

    class Other(Task):
        pass

    return Base, Sub, Other


def test_event_names_are_luigis():
    ours = {name: value for name, value in vars(Event).items() if name.isupper()}
    theirs = {name: value for name, value in vars(luigi.Event).items() if name.isupper()}

    assert ours == theirs


def test_handler_hears_of_its_class_and_subclasses(family):
    Base, Sub, _ = family
    heard = []

    @Base.event_handler(Event.SUCCESS)
    def listen(task):
        heard.append(task)

    for cls in family:
        cls().trigger_event(Event.SUCCESS, cls())
    Base().trigger_event(Event.FAILURE, Base())

    assert heard == [Base(), Sub()]
    assert listen(1) is None


def test_handler_that_is_registered_twice_is_called_once(family):
    Base, *_ = family
    heard = []
    listen = heard.append
    Base.event_handler("mine")(listen)
    Base.event_handler("mine")(listen)

    Base().trigger_event("mine", 1)

    assert heard == [1]


def test_order_is_that_of_the_classes_first_registration(family):
    Base, Sub, _ = family
    heard = []
    Sub.event_handler("e")(lambda: heard.append("sub"))
    Base.event_handler("e")(lambda: heard.append("base"))
    Sub.event_handler("e")(lambda: heard.append("sub again"))

    Sub().trigger_event("e")

    assert heard == ["sub", "sub again", "base"]


def test_error_of_a_handler_is_logged_and_others_are_called(family, caplog):
    Base, *_ = family
    heard = []

    @Base.event_handler("e")
    def broken():
        raise SystemExit("stop it")

    Base.event_handler("e")(lambda: heard.append(1))
    with caplog.at_level(logging.ERROR, logger="nbflow"):
        Base().trigger_event("e")

    assert heard == [1]
    assert "broken" in caplog.text
    assert "stop it" in caplog.text


def test_interrupt_in_a_handler_is_not_swallowed(family):
    Base, *_ = family

    @Base.event_handler("e")
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Base().trigger_event("e")


def test_handler_can_be_removed_also_by_itself(family):
    Base, Sub, _ = family
    heard = []

    def once():
        heard.append(1)
        Base.remove_event_handler("e", once)

    Base.event_handler("e")(once)
    Base().trigger_event("e")
    Base().trigger_event("e")

    assert heard == [1]
    for cls in (Base, Sub):
        with pytest.raises(KeyError):
            cls.remove_event_handler("e", once)


def test_handler_of_a_class_hears_of_its_external_copy(family):
    Base, *_ = family
    heard = []
    Base.event_handler("e")(heard.append)

    externalize(Base)().trigger_event("e", 1)

    assert heard == [1]


def test_handlers_do_not_keep_a_class_alive():
    def make():
        class Hidden(Task):
            _visible_in_registry = False  # else the registry keeps the newest of each name

        Hidden.event_handler("e")(lambda: Hidden)
        return weakref.ref(Hidden)

    reference = make()
    gc.collect()

    assert reference() is None


def test_handlers_stay_behind_when_a_class_travels(family):
    Base, *_ = family
    lock = threading.Lock()  # cannot be pickled
    Base.event_handler("e")(lambda: lock)

    cloudpickle.dumps(Base())
