"""An interpreter that has torch, for the tests that run a model; evallint itself needs none."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

PYTHON = os.environ.get("EVALLINT_TORCH_PYTHON") or (sys.executable if importlib.util.find_spec("torch") else "")

needs_torch = pytest.mark.skipif(not PYTHON, reason="no torch here: EVALLINT_TORCH_PYTHON names an interpreter with it")
