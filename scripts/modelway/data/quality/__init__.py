"""What is wrong with data that no contract speaks of: each kind of check is a module of `kinds`, asked of an engine that
counts."""
