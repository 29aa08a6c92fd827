"""What plain pixels are good for, as a baseline: python pixels.py (needs scikit-learn)"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from glyphs.data import CLASSES, SIZE, Glyphs


def scaled_pixels(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    glyphs = Glyphs("train", count)
    pixels = glyphs.images.flatten(1).numpy()
    train, test, train_labels, test_labels = train_test_split(pixels, glyphs.labels.numpy(), random_state=0)
    scaler = StandardScaler()
    train = scaler.fit_transform(train)
    test = scaler.transform(test)
    return torch.tensor(train), torch.tensor(test), torch.tensor(train_labels), torch.tensor(test_labels)


def main() -> None:
    train, test, train_labels, test_labels = scaled_pixels(400)
    model = nn.Linear(3 * SIZE * SIZE, len(CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for _ in range(100):
        loss = F.cross_entropy(model(train), train_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(test).argmax(dim=1) == test_labels).float().mean().item()
    print(f"accuracy on pixels alone: {accuracy:.3f}")


if __name__ == "__main__":
    main()
