"""pyresque inside other projects: one module for each of them, which is loaded by those who use it."""
