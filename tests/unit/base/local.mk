# Unit tests of src/base: linked with its library and the rooms below it only.
