# The same tests in other clothes. Each target configures a build of its own in a directory below the current one, which is kept, so that
# the next time only what changed is compiled. SUITE=unit runs the unit tests alone, SUITE=threads those of the rooms that have threads,
# SUITE=most all but those that take minutes or measure; TESTS="..." names single ones.
FUZZ_SECONDS = 60
TEST_TIMEOUT_S = 300
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZERS = $(filter tests/fuzz/%,$(EXTRA_PROGRAMS))
UNIT_TESTS = $(filter tests/unit/%,$(TESTS))
MOST_TESTS = $(filter-out %/test_01_enron.py %/test_05_link.py %/test_08_kill.py,$(TESTS))
# Without those that are about a corpus: many mails through the index's workers, which have one thread each, and slow under ThreadSanitizer.
THREAD_TESTS = $(filter-out %-corpus %/test-enron %-replay,$(foreach room,base net index sync app,$(filter tests/unit/$(room)/%,$(TESTS))))
# bootstrap itself, as far as it goes without installing.
TESTS += tests/test-bootstrap.sh
EXTRA_DIST += tests/test-bootstrap.sh tests/servers/fetch-debs.sh tests/suite.sh tests/fuzz/run.sh tests/tsan.supp tests/lsan.supp

# A test that hangs is a test that failed.
LOG_COMPILER = timeout -k 10 $(TEST_TIMEOUT_S)
AM_TESTS_ENVIRONMENT = \
	FULMAR_CORPUS="$${FULMAR_CORPUS:-$(abs_top_srcdir)/../shared/corpus}"; export FULMAR_CORPUS; \
	FULMAR_TOP_SRCDIR="$(abs_top_srcdir)"; export FULMAR_TOP_SRCDIR; \
	FULMAR_TOP_BUILDDIR="$(abs_top_builddir)"; export FULMAR_TOP_BUILDDIR; \
	LC_ALL=C.UTF-8; export LC_ALL; unset FULMAR_HOME NO_COLOR COLORTERM;

.PHONY: check-unit check-most check-threads asan tsan fuzz bench soak fuzz-run bench-run
check-unit:
	$(MAKE) check TESTS="$(UNIT_TESTS)"
check-most:
	$(MAKE) check TESTS="$(MOST_TESTS)"
check-threads:
	$(MAKE) check TESTS="$(THREAD_TESTS)"
asan:
	$(srcdir)/tests/suite.sh $(srcdir) asan $(SUITE)
tsan:
	$(srcdir)/tests/suite.sh $(srcdir) tsan $(SUITE)
fuzz:
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(srcdir)/tests/suite.sh $(srcdir) fuzz
bench:
	$(srcdir)/tests/suite.sh $(srcdir) bench
# Everything that check samples, run whole: hours, not minutes.
soak:
	FULMAR_SOAK=1 $(MAKE) check TEST_TIMEOUT_S=14400

# Run inside the builds that tests/suite.sh makes.
fuzz-run: $(FUZZERS)
	$(srcdir)/tests/fuzz/run.sh $(srcdir) $(FUZZ_SECONDS) $(FUZZERS)
# BENCH_TESTS, programs and scripts that need no argument, one after the other: they measure. Other programs there are their tools.
bench-run: all $(filter tests/bench/%,$(EXTRA_PROGRAMS))
	@$(AM_TESTS_ENVIRONMENT) failed=0; for bench in $(BENCH_TESTS); do \
	  echo "== $$bench"; program=./$$bench; test -x $$program || program=$(srcdir)/$$bench; \
	  $$program || { echo "FAIL: $$bench"; failed=1; }; done; exit $$failed
