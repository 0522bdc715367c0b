"""The contract of a model's endpoint, as checks that any URL can be held against (docs/serving.md says what is promised).

A check asks over HTTP and says pass, fail or skipped, with what it saw. Where what is expected comes from, and what follows
from an outcome, is not known here.
"""
