# Tests: bench.
EXTRA_PROGRAMS += tests/bench/render-html
tests_bench_render_html_SOURCES = tests/bench/render-html.c
tests_bench_render_html_LDADD = $(MAIL_LIBS)
EXTRA_DIST += tests/bench/html-recall.py
