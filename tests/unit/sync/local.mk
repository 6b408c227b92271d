# Unit tests of src/sync: linked with its library and the rooms below it only.
