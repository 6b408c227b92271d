# Unit tests of src/cli: linked with its library and the rooms below it only.
