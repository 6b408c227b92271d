# Tests: screen. Views are compared cell by cell on a canvas; the terminal is tested on a pseudo terminal read by an emulator.
if HAVE_CMOCKA
if HAVE_VTERM
check_PROGRAMS += tests/screen/test-terminal
TESTS += tests/screen/test-terminal
tests_screen_test_terminal_SOURCES = tests/screen/test-terminal.c
tests_screen_test_terminal_LDADD = $(UI_LIBS) $(CMOCKA_LIBS) $(VTERM_LIBS) -lutil
tests_screen_test_terminal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(VTERM_CFLAGS)
endif
endif
