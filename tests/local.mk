UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
if HAVE_CMOCKA
include tests/unit/base/local.mk
include tests/unit/mail/local.mk
include tests/unit/net/local.mk
include tests/unit/store/local.mk
include tests/unit/index/local.mk
include tests/unit/sync/local.mk
include tests/unit/app/local.mk
include tests/unit/ui/local.mk
include tests/unit/cli/local.mk
endif
include tests/suites.mk
include tests/lint/local.mk
include tests/screen/local.mk
include tests/model/local.mk
include tests/e2e/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
