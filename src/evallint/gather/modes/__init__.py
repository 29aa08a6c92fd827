"""Modes and gradients: which forwards evaluate and train, and what they find."""
