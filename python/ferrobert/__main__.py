"""``python -m ferrobert``: the command line, for launchers such as ``torchrun -m``."""

from ferrobert.cli import main

if __name__ == "__main__":
    main()
