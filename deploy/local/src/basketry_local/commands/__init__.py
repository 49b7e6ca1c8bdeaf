"""One module for each command of `./basketry`; each has `run`, which returns the exit status."""
