# Tests: screen. Views are compared cell by cell on a canvas; the terminal is tested on a pseudo terminal read by an emulator.
if HAVE_CMOCKA
check_PROGRAMS += tests/screen/test-views
TESTS += tests/screen/test-views
tests_screen_test_views_SOURCES = tests/screen/test-views.c
tests_screen_test_views_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_screen_test_views_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

if HAVE_VTERM
check_PROGRAMS += tests/screen/test-terminal
TESTS += tests/screen/test-terminal
tests_screen_test_terminal_SOURCES = tests/screen/test-terminal.c
tests_screen_test_terminal_LDADD = $(UI_LIBS) $(CMOCKA_LIBS) $(VTERM_LIBS) -lutil
tests_screen_test_terminal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(VTERM_CFLAGS)

check_PROGRAMS += tests/screen/test-program
TESTS += tests/screen/test-program
tests_screen_test_program_SOURCES = tests/screen/test-program.c
tests_screen_test_program_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS) $(VTERM_LIBS) -lutil
tests_screen_test_program_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(VTERM_CFLAGS)
endif
endif
EXTRA_DIST += \
	tests/screen/expected/ask-40.txt \
	tests/screen/expected/bottom-100.txt \
	tests/screen/expected/folders-20.txt \
	tests/screen/expected/list-40.txt \
	tests/screen/expected/list-80-ascii.txt \
	tests/screen/expected/list-99.txt \
	tests/screen/expected/menu-40-typed.txt \
	tests/screen/expected/menu-40.txt \
	tests/screen/expected/pager-50-folded.txt \
	tests/screen/expected/pager-50-found.txt \
	tests/screen/expected/pager-50-page2.txt \
	tests/screen/expected/pager-50.txt \
	tests/screen/expected/prompt-completion.txt \
	tests/screen/expected/prompt-long-label.txt \
	tests/screen/expected/text-40-end.txt \
	tests/screen/expected/text-40.txt \
	tests/screen/expected/top-120.txt \
	tests/screen/expected/top-40.txt \
	tests/screen/expected/top-80-retrying-ascii.txt \
	tests/screen/expected/top-80.txt
