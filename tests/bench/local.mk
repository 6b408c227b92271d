# Tests: bench. What `make bench` runs by itself is listed in BENCH_TESTS; see tests/suites.mk.
EXTRA_PROGRAMS += tests/bench/render-html
tests_bench_render_html_SOURCES = tests/bench/render-html.c
tests_bench_render_html_LDADD = $(MAIL_LIBS)
EXTRA_DIST += tests/bench/html-recall.py
EXTRA_PROGRAMS += tests/bench/gen-store
tests_bench_gen_store_SOURCES = tests/bench/gen-store.c
tests_bench_gen_store_LDADD = $(STORE_LIBS)
EXTRA_PROGRAMS += tests/bench/gen-mail
tests_bench_gen_mail_SOURCES = tests/bench/gen-mail.c
BENCH_TESTS += tests/bench/bench.py tests/bench/sync.py
EXTRA_DIST += tests/bench/bench.py tests/bench/sync.py
EXTRA_PROGRAMS += tests/bench/parse-headers
tests_bench_parse_headers_SOURCES = tests/bench/parse-headers.c
tests_bench_parse_headers_LDADD = $(MAIL_LIBS)
