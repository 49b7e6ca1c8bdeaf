from __future__ import annotations

import pytest
from kit.execution_counter import Counter


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def new_counter() -> type[Counter]:
    """For tests that need one for each of many examples."""
    return Counter
