"""``python -m stoa`` is ``stoa``."""

from stoa.cli import main

if __name__ == "__main__":
    main()
