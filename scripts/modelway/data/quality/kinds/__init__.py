"""The kinds of check, one module each. Whatever is here is found by its KIND: nothing lists them."""
