"""`python -m ganray` is `ganray`."""

from ganray.cli import main

if __name__ == "__main__":
    main()
