"""Data of training and evaluation, measured side by side under the interpreter of the project."""
