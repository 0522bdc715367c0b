"""The library that the scripts share: one package per concern (docs/architecture.md)."""
