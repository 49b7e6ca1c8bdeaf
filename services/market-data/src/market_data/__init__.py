"""Assets, indices and prices."""
