"""The shapes of the pages' JSON: handlers give them, templates show them, and ``/openapi.json`` describes them.

Arguments that are hidden from the reader are the text "(hidden)", whatever their type (``screen``). A docstring here is a description there. A key that may be missing stands in a class with ``total=False``.
"""
