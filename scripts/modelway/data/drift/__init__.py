"""Drift: two sets of rows in the cells of one of them, how far apart they are, and whether that matters."""
