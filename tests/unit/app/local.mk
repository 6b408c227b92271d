# Unit tests of src/app: linked with its library and the rooms below it only.
