"""A long run that may be interrupted, and stops by itself: python overnight.py runs/session.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import score
from glyphs.models import build_model
from glyphs.session import write_session
from glyphs.stopping import EarlyStopping


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("session", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = build_model("convolutional", classes=len(CLASSES)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    stopping = EarlyStopping(patience=3)
    first = 1
    if args.session.exists():
        state = torch.load(args.session, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        first = state["epoch"] + 1
    for epoch in range(first, args.epochs + 1):
        model.train()
        for images, labels in loaders.train:
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        write_session(args.session, epoch, model, optimizer, scheduler)
        model.eval()
        _, accuracy = score(model, loaders.validation, device)
        print(f"epoch {epoch}: accuracy {accuracy:.3f}")
        if stopping.is_over(accuracy, model):
            break
    stopping.give_back(model)
    model.eval()
    print(f"test accuracy {score(model, loaders.test, device)[1]:.3f}")


if __name__ == "__main__":
    main()
