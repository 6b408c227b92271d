# Unit tests of src/net: linked with its library and the rooms below it only.
