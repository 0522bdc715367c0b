"""What people read: Markdown whose values are data."""
