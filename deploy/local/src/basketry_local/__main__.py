"""`python -m basketry_local`, which is what `./basketry` runs."""

from basketry_local.cli import app

if __name__ == "__main__":
    app(prog_name="./basketry")
