"""Which functions can be seen to lead to one by which something is done."""

from __future__ import annotations

import pytest

from evallint.extract import extract
from evallint.interpret.relevance import Relevance
from evallint.link import link
from evallint.program import FunctionSymbol

OTHERS = """
class Run:
    def fit(self):
        self.step()

    def step(self):
        self.loss.backward()

    def update(self):
        self.step()


class Study:
    def search(self):
        self.run.fit()
"""


@pytest.mark.parametrize(
    ("code", "acts"),
    [
        ("loss.backward()", True),
        ("named()", True),
        ("Run()", False),
        ("run.fit()", True),
        ("study.search()", False),
        ("kwargs.update(size=8)", False),
        ("kwargs.copy()", False),
    ],
    ids=["itself", "by a name", "a constructor", "by an attribute", "by two", "a dict's", "nobody's"],
)
def test_a_function_acts_if_it_leads_to_one_that_does(code: str, acts: bool) -> None:
    text = f"{OTHERS}\n\ndef named():\n    return loss.backward()\n\n\ndef asked(run, study, kwargs):\n    {code}\n"
    program = link({"a.py": extract(text)})
    index = next(index for index, one in enumerate(program.files["a.py"].functions) if one.name == "asked")
    assert Relevance(program).acts(FunctionSymbol("a.py", index)) == acts
