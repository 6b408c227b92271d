# Unit tests of src/cli: linked with its library and the rooms below it only.
TESTS += tests/unit/cli/test_command_line.py
EXTRA_DIST += tests/unit/cli/test_command_line.py
