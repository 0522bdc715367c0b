"""Contracts in the Open Data Contract Standard (ODCS), version 3: read into our own form, and written."""
