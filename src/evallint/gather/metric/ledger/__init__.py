"""Keeps account of what an evaluation adds up over its batches, and of what it divides the sum by."""

from evallint.gather.metric.ledger.book import Entry
from evallint.gather.metric.ledger.following import Ledger
from evallint.gather.metric.ledger.seen import Seen
from evallint.gather.metric.ledger.words import named_losses

__all__ = ["Entry", "Ledger", "Seen", "named_losses"]
