"""The command line, as ``python -m seedstock``."""

from seedstock.cli import main

if __name__ == "__main__":
    main()
