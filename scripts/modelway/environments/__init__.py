"""Python environments made with uv from hash-locked requirements and shared by the lock's hash: the tool's own, the
team's, and those that models are loaded in. Standard library only, since the launcher runs this before any of them exists.
"""
