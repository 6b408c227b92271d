# Unit tests of src/app: linked with its library and the rooms below it only.
check_PROGRAMS += tests/unit/app/test-config
TESTS += tests/unit/app/test-config
tests_unit_app_test_config_SOURCES = tests/unit/app/test-config.c
tests_unit_app_test_config_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_app_test_config_LDADD = $(APP_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/app/test-list
TESTS += tests/unit/app/test-list
tests_unit_app_test_list_SOURCES = tests/unit/app/test-list.c
tests_unit_app_test_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_app_test_list_LDADD = $(APP_LIBS) $(CMOCKA_LIBS)
