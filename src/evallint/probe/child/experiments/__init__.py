"""The experiments: each takes what was reached and a job, and gives a verdict with numbers."""
