# Unit tests of src/index: linked with its library and the rooms below it only.
