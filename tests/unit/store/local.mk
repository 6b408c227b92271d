# Unit tests of src/store: linked with its library and the rooms below it only.
