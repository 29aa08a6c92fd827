"""Early stopping."""

from __future__ import annotations

import copy

from torch import nn


class EarlyStopping:
    """Keeps the weights of the best epoch, and says when none has been better for `patience` epochs."""

    def __init__(self, patience: int):
        self.patience = patience
        self.best = 0.0
        self.waited = 0
        self.state = None

    def is_over(self, accuracy: float, model: nn.Module) -> bool:
        if accuracy > self.best:
            self.best, self.waited = accuracy, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience

    def give_back(self, model: nn.Module) -> None:
        model.load_state_dict(self.state)
