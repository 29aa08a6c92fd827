"""What is saved, loaded and resumed from."""
