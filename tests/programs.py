"""Small training programs, made from a number: faults of many rules in the layouts that code comes in."""

from __future__ import annotations

import random
from typing import TypeVar

T = TypeVar("T")


class Program:
    """One program; equal numbers make equal ones."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)
        self._unit = self._one("    ", "    ", "  ", "\t")
        self._torch, self._first = self._one(
            ("torch", "import torch"),
            ("torch", "import os\nimport torch  # first"),
            ("th", "import torch as th"),
            ("torch", '"""A program."""\n\nfrom __future__ import annotations\n\nimport torch'),
            ("torch", "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nimport json, torch"),
        )
        self._name = self._one("model", "net", "self.model", "modèle", "parts['body']")

    def text(self) -> str:
        """The program, with newlines as `\\n`."""
        parts = [self._imports(), self._net(), self._evaluation(), self._training()]
        text = "\n\n".join(parts) + "\n"
        if self._chance(0.2):
            text = text.replace("\n\n", "\n\n\x0c\n", 1)
        return text.rstrip("\n") if self._chance(0.2) else text

    def files(self) -> dict[str, str]:
        """The same in several files that import from each other, in one of a few ways."""
        package, star = self._chance(0.5), self._chance(0.3)
        home, prefix = ("lib/", "lib.") if package else ("", "")
        pieces = {"net": self._net(), "scoring": self._evaluation(), "loaders": self._loaders()}
        names = {"net": "Net", "scoring": "evaluate", "loaders": "loaders"}
        files = {f"{home}{name}.py": f"{self._imports()}\n\n{piece}\n" for name, piece in pieces.items()}
        imports = [f"from {prefix}{module} import {'*' if star else name}" for module, name in names.items()]
        if package:
            files["lib/__init__.py"] = "".join(f"from .{module} import {name}\n" for module, name in names.items())
            imports = self._one(imports, ["from lib import *"], [f"from lib import {', '.join(names.values())}"])
        main = self._lines(
            'if __name__ == "__main__":',
            self._in("train_loader, val_loader = loaders()", "main(train_loader, val_loader)"),
        )
        head = self._imports() + "\n".join(imports)
        files["train.py"] = "\n\n".join([head, self._training(), main]) + "\n"
        return files

    # ---- parts -----------------------------------------------------------------------------------

    def _imports(self) -> str:
        copy = self._one("", "", "import copy\n", "from copy import deepcopy as clone\n")
        return f"{self._first}\n{copy}import torch.nn.functional as F\nfrom torch import nn\n"

    def _net(self) -> str:
        layers = self._one(
            ["self.drop = nn.Dropout(0.5)", "self.fc = nn.Linear(8, 2)"],
            ["self.layers = [nn.Linear(8, 8), nn.Linear(8, 2)]  # two", "self.drop = nn.BatchNorm1d(8)"],
            ["self.fc = nn.Linear(8, 2); self.drop = nn.Dropout()"],
            ["self.fc, self.drop = nn.Linear(8, 2), nn.Dropout(p=0.1)", "self.mean = torch.zeros(8)"],
        )
        if "self.mean" in " ".join(layers) and self._torch != "torch":
            layers = layers[:1]
        dropout = self._one(
            "x = F.dropout(x, 0.5)", "x = F.dropout(\n    x,\n    p=0.2,  # a fifth\n)", "x = self.drop(x)", "pass"
        )
        body = self._one("return x", "return x + 1", "y = x; return y")
        use = "for layer in self.layers: x = layer(x)" if "self.layers" in layers[0] else "x = self.fc(x)"
        return self._lines(
            "class Net(nn.Module):",
            self._in(
                "def __init__(self):",
                self._in("super().__init__()", *layers),
                "def forward(self, x):",
                self._in(dropout, use, body),
            ),
        )

    def _loaders(self) -> str:
        """A function that makes loaders of images."""
        steps = self._one("T.RandomCrop(32, padding=4), T.ToTensor()", "T.ToTensor()", "T.Resize(40), T.ToTensor()")
        mean = self._one("(0.5, 0.5, 0.5)", "(0.485, 0.456, 0.406)", "(0.4914, 0.4822, 0.4465)")
        other = self._one("train", "test")
        return self._lines(
            "from torch.utils.data import DataLoader",
            "from torchvision import datasets",
            "from torchvision import transforms as T",
            f"train = T.Compose([{steps}, T.Normalize({mean}, (0.2, 0.2, 0.2))])",
            "test = T.Compose([T.ToTensor(), T.Normalize((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))])",
            "def loaders():",
            self._in(
                "train_set = datasets.CIFAR10('data', train=True, transform=train)",
                f"val_set = datasets.CIFAR10('data', train=False, transform={other})",
                f"train_loader = DataLoader(train_set, batch_size=32, shuffle={self._one(True, False)})",
                "val_loader = DataLoader(val_set, batch_size=32, drop_last=True)",
                "return train_loader, val_loader",
            ),
        )

    def _evaluation(self) -> str:
        name = "model" if "self" in self._name or "[" in self._name else self._name
        switch = self._one(f"{name}.eval()", f"{name}.eval", "pass", f"{name}.train(False)", "# no switch", "")
        score = self._one(
            "total += F.mse_loss({m}(x), y)",
            "total += F.mse_loss({m}(x), y).item()  # loss",
            "total = total + F.mse_loss(\n    {m}(x),\n    y,\n)",
            "scores.append({m}(x)); total += 1",
            "if x is not None: total += {m}(x).sum()",
            "try:\n    total += {m}(x).sum().item()\nfinally: pass",
            "total += sum([{m}(x).sum().item() for _ in range(2)])",
            "print(f'''\n{x}''', {m}(x))",
        ).replace("{m}", name)
        score = score.replace("    ", self._unit)
        loop = self._lines("for x, y in val_loader:", self._in(score))
        if self._chance(0.2) and "\n" not in score:
            loop = f"for x, y in val_loader: {score}" if score[:2] not in ("if", "tr", "fo") else loop
        if self._chance(0.1):
            loop = self._lines(loop, "else:", self._in("total += 0"))
        off = f"{self._torch}.no_grad()"
        loop = self._one(
            loop,
            self._lines(f"with {off}:", self._in(loop)),
            self._lines(off, loop),
            self._lines(f"with {off}: x = val_loader", loop),
            self._lines(f"with {off[:-2]}:", self._in(loop)),
        )
        head = self._one("def", "def", "@trace\ndef", "async def")
        return self._lines(
            *(["def trace(function):", self._in("return function")] if "trace" in head else []),
            f"{head} evaluate({name}, val_loader):",
            self._in(
                switch,
                "total, scores = 0.0, []",
                loop,
                self._one("return total", "yield total", "return total, scores"),
            ),
        )

    def _training(self) -> str:
        name = self._name if self._name.isidentifier() else "model"
        build = self._one("Net()", "nn.DataParallel(Net())", "Net().cuda()")
        keep = self._one(
            "running += loss", "running += loss * len(x)", "losses.append(loss)", "running += loss.item()", "pass"
        )
        best = self._one(
            f"best = {name}.state_dict()", "best = {'state': " + f"{name}.state_dict()" + "}", "best = None"
        )
        step = [
            "optimizer.zero_grad()",
            f"loss = F.mse_loss({name}(x), y)",
            "loss.backward()",
            "optimizer.step()",
            keep,
        ]
        if self._chance(0.2):
            step[0:2] = ["; ".join(step[0:2])]
        every = self._one("", "", f"{name}.train()")
        restore = self._one(f"{name}.load_state_dict(best)", "pass") if "{" not in best else "pass"
        return self._lines(
            "def main(train_loader, val_loader):",
            self._in(
                f"{name} = {build}",
                f"optimizer = {self._torch}.optim.SGD({name}.parameters(), lr=0.1)",
                "running, losses, best = 0.0, [], None",
                "for epoch in range(3):",
                self._in(
                    every,
                    "for x, y in train_loader:",
                    self._in(*step),
                    f"score = evaluate({name}, val_loader)",
                    f"if score: {best}" if self._chance(0.5) and "\n" not in best else best,
                ),
                restore,
                self._one("return running, losses", f"{self._torch}.save({name}.state_dict(), 'a.pt')"),
            ),
        )

    # ---- layout ----------------------------------------------------------------------------------

    def _one(self, *choices: T) -> T:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _lines(self, *parts: str) -> str:
        """Parts one below the other, with a comment or a blank line here and there."""
        lines = [part for part in parts if part]
        for number in range(len(lines) - 1, 0, -1):
            if self._chance(0.04):
                lines.insert(number, self._one("", "# so far"))
        return "\n".join(lines)

    def _in(self, *parts: str) -> str:
        lines = self._lines(*parts).split("\n")
        return "\n".join(self._unit + line if line else line for line in lines)
