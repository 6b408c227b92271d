# Tests: e2e.
