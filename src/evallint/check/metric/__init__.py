"""Rules about the numbers that an evaluation reports."""
