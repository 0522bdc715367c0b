"""What is measured: counters of the proxy and load from outside. Nothing here decides anything."""
