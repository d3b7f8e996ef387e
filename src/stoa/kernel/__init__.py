"""Words that every kind shares. Standard library only, no I/O."""
