"""Keeps account of what an evaluation adds up over its batches, and of what it divides the sum by."""

from evallint.gather.ledger.book import Entry
from evallint.gather.ledger.following import Ledger

__all__ = ["Entry", "Ledger"]
