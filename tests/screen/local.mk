# Tests: screen.
