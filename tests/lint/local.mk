# The rules of doc/style.md, checked. lint-fast compiles nothing.
EXTRA_DIST += .clang-format tests/lint/house.py tests/lint/run.sh

.PHONY: lint lint-fast format
lint:
	$(srcdir)/tests/lint/run.sh $(srcdir) $(builddir) full
lint-fast:
	$(srcdir)/tests/lint/run.sh $(srcdir) $(builddir) fast
# FILES=... formats only those.
format:
	cd $(srcdir) && clang-format -i $${FILES:-$$(find src include tests -name '*.[ch]')}
