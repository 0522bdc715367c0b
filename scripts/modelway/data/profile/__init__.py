"""What data look like: counted once, exactly, for a page that a person reads and the JSON beside it."""
