"""What was measured of the data of training and of evaluation, told as a table or as a page."""

from evallint.shift.page import page
from evallint.shift.table import NO_SCIPY, table

__all__ = ["NO_SCIPY", "page", "table"]
