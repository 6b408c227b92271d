# Tests: fuzz.
# Under `if ENABLE_FUZZ`: EXTRA_PROGRAMS += tests/fuzz/fuzz-NAME, its _SOURCES, _LDADD and _LDFLAGS = $(FUZZ_LINK). See run.sh for seeds.
