"""Several clients train on their own pictures, and a server averages what they learn: python federated.py --rounds 2"""

from __future__ import annotations

import argparse
import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset

from glyphs.data import CLASSES, Glyphs, eval_transform, train_transform
from glyphs.metrics import score
from glyphs.models import GlyphNet


def train_client(model: nn.Module, loader: DataLoader, device: torch.device) -> nn.Module:
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for images, labels in loader:
        loss = F.cross_entropy(model(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def clients(count: int) -> list[DataLoader]:
    pictures = Glyphs("train", 900, train_transform())
    parts = [Subset(pictures, range(number, len(pictures), count)) for number in range(count)]
    return [DataLoader(part, batch_size=32, shuffle=True) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    server = GlyphNet(classes=len(CLASSES)).to(device)
    loaders = clients(3)
    for _ in range(args.rounds):
        trained = [train_client(copy.deepcopy(server), loader, device).state_dict() for loader in loaders]
        mean = {name: sum(state[name].float() for state in trained) / len(trained) for name in trained[0]}
        server.load_state_dict(mean)
    server.eval()
    test_loader = DataLoader(Glyphs("test", 300, eval_transform()), batch_size=50)
    print(f"test accuracy {score(server, test_loader, device)[1]:.3f}")


if __name__ == "__main__":
    main()
