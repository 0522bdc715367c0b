"""Notices to people: what one says, who receives it, how it gets there, and what is kept of one that did not."""
