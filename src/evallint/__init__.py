"""Finds, in PyTorch code, why a model scores worse in evaluation than it should."""

__version__ = "0.1.0"
