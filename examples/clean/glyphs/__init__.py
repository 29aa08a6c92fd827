"""Telling discs, squares, crosses and rings apart: a small image classifier and what surrounds it."""
