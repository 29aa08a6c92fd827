"""With objects of which classes a method is run that nothing in sight calls."""

from __future__ import annotations

from evallint.extract import extract
from evallint.interpret import interpret
from evallint.interpret.heirs import ENOUGH
from evallint.link import link

BASE = """
from torch import nn


class Runner:
    def __init__(self):
        self.net = nn.Dropout()

    def run(self):
        self.before()
        self.net.train()
        self.step()

    def before(self):
        pass
"""

OPEN = """
    def step(self):
        raise NotImplementedError
"""

CLOSED = """
    def step(self):
        self.net.eval()
"""


def heir(name: str, base: str = "Runner", *, method: str = "step", step: str = "self.net.eval()") -> str:
    return f"""

class {name}({base}):
    def {method}(self):
        {step}
"""


def runs(text: str, path: str = "own.py", base: str = BASE + OPEN) -> int:
    """How often `Runner.run` is run."""
    files = {"base.py": extract(base), path: extract("from base import Runner\n" + text)}
    return [events.entry for events in interpret(link(files))].count("base.py:Runner.run")


def test_a_method_that_leaves_out_a_step_is_run_for_each_subclass_that_has_it() -> None:
    assert runs(heir("One") + heir("Other")) == 2


def test_without_a_subclass_it_is_run_as_it_stands() -> None:
    assert runs("") == 1


def test_subclasses_with_the_same_steps_need_one_run() -> None:
    assert runs(heir("One") + "\n\nclass Same(One):\n    size = 3\n") == 1


def test_a_subclass_with_steps_of_its_own_that_the_method_does_not_take_needs_none() -> None:
    assert runs(heir("One") + heir("Other", "One", method="report")) == 1


def test_a_subclass_that_has_the_method_itself_is_another_matter() -> None:
    assert runs(heir("One") + heir("Other", "One", method="run")) == 1


def test_of_a_large_family_some_stand_for_all() -> None:
    assert runs("".join(heir(f"Heir{number}") for number in range(2 * ENOUGH))) == ENOUGH


def test_classes_of_tests_are_no_users_of_a_method() -> None:
    assert runs(heir("One") + heir("Other"), path="tests/test_own.py") == 1


def test_a_method_that_can_be_run_as_it_stands_is() -> None:
    assert runs(heir("One", method="before"), base=BASE + CLOSED) == 2
