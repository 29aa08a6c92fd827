"""The same task with Keras, as a baseline: python keras_baseline.py"""

from __future__ import annotations

import math

import keras
import numpy as np
from glyphs.data import CLASSES, SIZE, Glyphs, eval_transform


def arrays(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    pictures = Glyphs(split, count, eval_transform())
    images = np.stack([image.permute(1, 2, 0).numpy() for image, _ in pictures])
    return images, pictures.labels.numpy()


def build() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(len(CLASSES)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def evaluate_by_class(model: keras.Model, images: np.ndarray, labels: np.ndarray, batch_size: int = 64) -> list[float]:
    guesses = []
    for batch in np.array_split(images, math.ceil(len(images) / batch_size)):
        logits = model(batch, training=True)
        guesses.append(keras.ops.convert_to_numpy(logits).argmax(axis=1))
    hit = np.concatenate(guesses) == labels
    return [float(hit[labels == index].mean()) for index in range(len(CLASSES))]


def main() -> None:
    keras.utils.set_random_seed(0)
    model = build()
    model.fit(*arrays("train", 600), validation_data=arrays("validation", 150), epochs=2, verbose=2)
    images, labels = arrays("test", 150)
    model.evaluate(images, labels, verbose=2)
    for name, accuracy in zip(CLASSES, evaluate_by_class(model, images, labels)):
        print(f"{name:>8} {accuracy:.3f}")


if __name__ == "__main__":
    main()
