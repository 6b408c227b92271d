# Unit tests of src/mail: linked with its library and the rooms below it only.
