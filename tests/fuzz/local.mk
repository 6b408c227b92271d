# Tests: fuzz.
