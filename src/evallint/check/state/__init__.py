"""Rules about what is saved of a model, and what comes back."""
