"""What an evaluation adds up, and what it divides by."""
