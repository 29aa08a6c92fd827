"""Which runs of a model are taken to evaluate, which not, and where their fault is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from evallint.extract import extract
from evallint.findings import Place
from evallint.gather import gather
from evallint.interpret import interpret
from evallint.link import link
from evallint.project import Forward

HEAD = """\
import copy
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Dropout())

    def forward(self, x):
        return self.body(x)

"""
ANSWER = re.compile(r"  # (?P<answer>(?:trains|nothing|surely|perhaps)\b.*)$")


def forwards(files: Mapping[str, str]) -> tuple[Forward, ...]:
    program = link({path: extract(text) for path, text in files.items()})
    return gather(program, interpret(program)).forwards


def judged(text: str, path: str = "main.py") -> dict[str, str]:
    """What each run of a model in a program is taken for, by its line."""
    found: dict[str, set[str]] = {}
    lines = text.splitlines()
    for forward in forwards({path: HEAD + text}):
        line = lines[forward.at.span.line - 1 - HEAD.count("\n")]
        found.setdefault(line.partition("  # ")[0].strip(), set()).add(verdict(forward))
    return {line: " | ".join(sorted(words)) for line, words in found.items()}


def verdict(forward: Forward) -> str:
    if forward.trains:
        return "trains"
    if forward.evaluation is None:
        return "nothing"
    return f"{'surely' if forward.evaluation.sure else 'perhaps'} {forward.evaluation.because}"


def answers(text: str) -> dict[str, str]:
    """What the comments of a program say."""
    return {
        line[: found.start()].strip(): found["answer"] for line in text.splitlines() if (found := ANSWER.search(line))
    }


EVALUATES = {
    "data by an argument": """\
class Digits(torch.utils.data.Dataset): ...

def main():
    model = Net()
    digits = torch.utils.data.DataLoader(Digits("data", train=False), batch_size=4)
    for x, y in digits:
        model(x)  # surely on `train=False`
""",
    "data by an argument, against a function's name": """\
class Digits(torch.utils.data.Dataset): ...

def train():
    model = Net()
    for x, y in Digits(split="test"):
        model(x)  # surely on `split='test'`
""",
    "data by their name, without gradients": """\
def main(val_loader):
    model = Net()
    with torch.no_grad():
        for x, y in val_loader:
            model(x)  # surely on `val_loader`
""",
    "data by their name only": """\
def main(test_loader):
    model = Net()
    for x, y in test_loader:
        model(x)  # perhaps on `test_loader`
""",
    "a function by its name, without gradients": """\
@torch.no_grad()
def evaluate(loader):
    model = Net()
    for x, y in loader:
        model(x)  # surely in `evaluate`
""",
    "a function by its name only": """\
def predict(x):
    model = Net()
    return F.softmax(model(x))  # perhaps in `predict`
""",
    "no gradients": """\
def main(loader):
    model = Net()
    with torch.inference_mode():
        for x in loader:
            print(model(x))  # surely without gradients
""",
    "loaded weights where nothing trains": """\
def main(x):
    model = Net()
    model.load_state_dict(torch.load("net.pt"))
    print(model(x))  # surely with loaded weights
""",
    "validation after each epoch": """\
def main(train_loader, val_loader, optimizer):
    model = Net()
    for epoch in range(3):
        for x, y in train_loader:
            loss = F.mse_loss(model(x), y)  # trains
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            for x, y in val_loader:
                model(x)  # surely on `val_loader`
""",
    "validation within a training loop": """\
def main(train_loader, val_batch, optimizer):
    model = Net()
    for x, y in train_loader:
        loss = F.mse_loss(model(x), y)  # trains
        loss.backward()
        optimizer.step()
        model(val_batch)  # perhaps on `val_batch`
""",
}

DOES_NOT = {
    "what picks the samples that the step then learns from": """\
def infer_hardest(model, pool):
    with torch.no_grad():
        ranks = torch.argsort(model(pool).sum(1))  # nothing
    return [pool[index] for index in ranks[:8]]

def main(loader):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for pool in loader:
        hardest = infer_hardest(model, pool)
        loss = model(torch.stack(hardest)).sum()  # trains
        loss.backward()
        optimizer.step()
""",
    "training": """\
def train(train_loader):
    model = Net()
    for x, y in train_loader:
        F.mse_loss(model(x), y).backward()  # trains
""",
    "training on data that are named for tests": """\
def main(test_loader):
    model = Net()
    for x, y in test_loader:
        F.mse_loss(model(x), y).backward()  # trains
""",
    "training through a function": """\
def loss_of(model, x, y):
    return F.mse_loss(model(x), y)  # trains

def main(loader):
    model = Net()
    for x, y in loader:
        loss_of(model, x, y).backward()
""",
    "an attack on the input": """\
def main(test_loader):
    model = Net()
    for x, y in test_loader:
        torch.autograd.grad(model(x).sum(), x)  # trains
""",
    "made-up input": """\
def test():
    model = Net()
    with torch.no_grad():
        print(model(torch.randn(1, 3)).shape)  # nothing
""",
    "a teacher in a training step": """\
def main(loader):
    model, teacher = Net(), Net()
    for x, y in loader:
        with torch.no_grad():
            target = teacher(x)  # nothing
        F.mse_loss(model(x), target).backward()  # trains
""",
    "nothing that says so": """\
def main(x):
    model = Net()
    return model(x)  # nothing
""",
    "the data of training": """\
def main(train_loader):
    model = Net()
    for x, y in train_loader:
        print(model(x))  # nothing
""",
    "a training function": """\
def train_step(x):
    model = Net()
    return model(x)  # nothing
""",
    "dropout that samples": """\
@torch.no_grad()
def mc_dropout(model, test_loader):
    model = Net()
    for x, y in test_loader:
        model(x)  # nothing
""",
    "adaptation at test time": """\
def adapt_and_evaluate(test_loader):
    model = Net()
    with torch.no_grad():
        for x, y in test_loader:
            model(x)  # nothing
""",
    "what counts the costs of a run": """\
@torch.no_grad()
def get_flops(sizes, image):
    model = Net()
    return sizes, model(image)  # nothing
""",
    "what the model will learn from": """\
def main(env, optimizer):
    model = Net()
    for step in range(9):
        with torch.no_grad():
            for _ in range(5):
                env.act(model(env.state()))  # nothing
        for _ in range(4):
            F.mse_loss(model(env.states()), env.returns()).backward()  # trains
            optimizer.step()
""",
    "loaded weights that are trained on": """\
def main(loader, x):
    model = Net()
    model.load_state_dict(torch.load("net.pt"))
    F.mse_loss(model(x), x).backward()  # trains
    model(x)  # nothing
""",
    "training data by an argument": """\
class Digits(torch.utils.data.Dataset): ...

def evaluate():
    model = Net()
    for x, y in Digits(train=True):
        model(x)  # nothing
""",
    "a forward within another": """\
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x):
        return self.net(x)

def evaluate(loader):
    model = Outer()
    for x, y in loader:
        model(x)  # perhaps in `evaluate`
""",
    "a framework's hook": """\
import pytorch_lightning as pl

class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def validation_step(self, batch, index):
        return self.net(batch)  # nothing
""",
}


@pytest.mark.parametrize("text", EVALUATES.values(), ids=EVALUATES)
def test_a_run_is_an_evaluation_by(text: str) -> None:
    assert judged(text) == answers(text)


@pytest.mark.parametrize("text", DOES_NOT.values(), ids=DOES_NOT)
def test_a_run_is_no_evaluation_in(text: str) -> None:
    assert judged(text) == answers(text)


def test_a_test_of_the_code_is_no_evaluation_of_a_model() -> None:
    text = """\
def test_evaluate(val_loader):
    model = Net()
    with torch.no_grad():
        for x, y in val_loader:
            model(x)
"""
    assert judged(text, "checks.py") == {"model(x)": "surely on `val_loader`"}
    for path in ("test_net.py", "tests/net.py"):
        assert set(judged(text, path).values()) <= {"nothing"}


def test_a_file_named_for_evaluation_is_the_last_that_is_asked() -> None:
    text = "model = Net()\nmodel.load_state_dict(torch.load('net.pt'))\nmodel(read())\n"
    assert judged(text, "predict.py") == {"model(read())": "surely in `predict.py`"}
    assert judged(text, "main.py") == {"model(read())": "surely with loaded weights"}


# ---- modes, graphs and why ----------------------------------------------------------------------


def only(text: str) -> Forward:
    """The one run of a model in a program."""
    (found,) = forwards({"main.py": HEAD + text})
    return found


@pytest.mark.parametrize(
    ("before", "mode"),
    [
        ("", {"train"}),
        ("    model.eval()\n", {"eval"}),
        ("    model.eval()\n    model.train()\n", {"train"}),
        ("    if FLAG:\n        model.eval()\n", {"train", "eval"}),
        ("    anyone(model)\n", {"unknown"}),
    ],
)
def test_a_run_has_the_modes_that_lead_to_it(before: str, mode: set[str]) -> None:
    found = only(f"def evaluate(x):\n    model = Net()\n{before}    print(model(x))\n")
    assert found.mode == mode
    assert found.surely_trains_mode == (mode == {"train"})


@pytest.mark.parametrize(
    ("text", "graph"),
    [
        ("with torch.no_grad():\n    print(Net()(read()))\n", "off"),
        ("print(Net()(read()))\n", "recorded"),
        ("with torch.set_grad_enabled(FLAG):\n    print(Net()(read()))\n", "unknown"),
        ("@torch.no_grad()\ndef run(x): print(Net()(x))\nrun(read())\n", "off"),
        ("def run(x): print(Net()(x))\n", "unknown"),
        ("def run(x): print(Net().eval()(x))\n", "recorded"),
    ],
)
def test_a_run_records_a_graph_unless_someone_turned_that_off(text: str, graph: str) -> None:
    assert only(text).graph == graph


def test_a_run_tells_how_its_mode_was_set_and_how_the_program_gets_there() -> None:
    found = only("def run(model, x): print(model(x))\nnet = Net()\nrun(net, read())\n")
    assert [(step.message, step.at.span.line - HEAD.count("\n")) for step in found.because] == [
        ("`Net` is built: a new module is in training mode", 2),
        ("`run` is called here", 3),
        ("`model` runs here", 1),
    ]


def test_a_mode_that_the_code_asks_for_may_be_meant() -> None:
    run = "        print(model(x))\n"
    asked = f"def evaluate(loader):\n    model = Net()\n    model.train()\n    for x in loader:\n{run}"
    assert only(asked).deliberate == "perhaps"
    assert only(asked.replace("    model.train()\n", "")).deliberate == "no"
    both = f"{asked}    model.eval()\n    for x in loader:\n{run}"
    assert {forward.deliberate for forward in forwards({"main.py": HEAD + both}) if "train" in forward.mode} == {"yes"}


def test_an_eval_that_went_to_a_copy_is_told() -> None:
    found = only(
        "def evaluate(x):\n    model = Net()\n    twin = copy.deepcopy(model)\n    model.eval()\n    print(twin(x))\n"
    )
    assert found.switched_twin is not None
    assert found.switched_twin.at.span.line == HEAD.count("\n") + 4


# ---- where the fault is shown -------------------------------------------------------------------

SHARED = """\
def epoch(model, loader, optimizer=None):
    for x, y in loader:
        loss = F.mse_loss(model(x), y)
        if optimizer is not None:
            loss.backward()
            optimizer.step()

def main(train_loader, val_loader, optimizer):
    model = Net()
    epoch(model, train_loader, optimizer)
"""


def faults(text: str) -> dict[str, tuple[str, str]]:
    """Where the mode and the graph of each evaluation in training mode go wrong: the code there."""
    lines = (HEAD + text).splitlines()
    return {
        forward.evaluation.because: (code_at(lines, forward.mode_at), code_at(lines, forward.graph_at))
        for forward in forwards({"main.py": HEAD + text})
        if forward.evaluation is not None and forward.surely_trains_mode
    }


def code_at(lines: list[str], found: tuple[Place, str] | None) -> str:
    assert found is not None
    at, function = found
    return f"{function}: {lines[at.span.line - 1][at.span.column - 1 : at.span.end_column - 1]}"


def test_a_call_that_training_shares_is_not_at_fault() -> None:
    assert faults(f"{SHARED}    epoch(model, val_loader)\n") == {
        "on `val_loader`": ("main: epoch(model, val_loader)", "main: epoch(model, val_loader)")
    }


def test_a_call_that_is_right_for_others_is_not_at_fault() -> None:
    text = """\
def run(model, val_loader):
    for x, y in val_loader:
        print(model(x))

def good(val_loader):
    model = Net().eval()
    with torch.no_grad():
        run(model, val_loader)

def bad(val_loader):
    model = Net()
    run(model, val_loader)
"""
    assert faults(text) == {"on `val_loader`": ("bad: run(model, val_loader)", "bad: run(model, val_loader)")}


def test_a_call_that_nobody_shares_is_at_fault_itself() -> None:
    text = "def run(model, x): print(model(x))\ndef evaluate(x):\n    run(Net(), x)\n"
    assert faults(text) == {"in `evaluate`": ("run: model(x)", "run: model(x)")}


def test_mode_and_graph_may_go_wrong_in_different_places() -> None:
    text = """\
def run(model, val_loader):
    for x, y in val_loader:
        print(model(x))

def good(val_loader):
    run(Net().eval(), val_loader)

def bad(val_loader):
    run(Net(), val_loader)
"""
    assert faults(text) == {"on `val_loader`": ("bad: run(Net(), val_loader)", "run: model(x)")}
