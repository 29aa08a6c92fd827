"""What the code says by itself: calls and what stands around them, what runs what, what constructions make."""
