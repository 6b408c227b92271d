# Unit tests of src/ui: linked with its library and the rooms below it only.
