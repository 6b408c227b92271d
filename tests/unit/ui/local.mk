# Unit tests of src/ui: linked with its library and the rooms below it only.
check_PROGRAMS += tests/unit/ui/test-canvas
TESTS += tests/unit/ui/test-canvas
tests_unit_ui_test_canvas_SOURCES = tests/unit/ui/test-canvas.c
tests_unit_ui_test_canvas_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_canvas_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/ui/test-key-decoder
TESTS += tests/unit/ui/test-key-decoder
tests_unit_ui_test_key_decoder_SOURCES = tests/unit/ui/test-key-decoder.c
tests_unit_ui_test_key_decoder_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_key_decoder_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/ui/test-line-edit
TESTS += tests/unit/ui/test-line-edit
tests_unit_ui_test_line_edit_SOURCES = tests/unit/ui/test-line-edit.c
tests_unit_ui_test_line_edit_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_line_edit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/ui/test-panes
TESTS += tests/unit/ui/test-panes
tests_unit_ui_test_panes_SOURCES = tests/unit/ui/test-panes.c
tests_unit_ui_test_panes_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_panes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/ui/test-theme
TESTS += tests/unit/ui/test-theme
tests_unit_ui_test_theme_SOURCES = tests/unit/ui/test-theme.c
tests_unit_ui_test_theme_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_theme_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/ui/test-keymap
TESTS += tests/unit/ui/test-keymap
tests_unit_ui_test_keymap_SOURCES = tests/unit/ui/test-keymap.c
tests_unit_ui_test_keymap_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_keymap_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
