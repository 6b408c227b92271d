# Tests: model. Random sequences of what clients do and of what befalls them, against a real server; see test_model.py.
check_PROGRAMS += tests/model/engine
tests_model_engine_SOURCES = tests/model/engine.c
tests_model_engine_LDADD = $(SYNC_LIBS)
TESTS += tests/model/test_model.py tests/model/test_others.py tests/model/test_cases.py
EXTRA_DIST += tests/model/test_model.py tests/model/test_others.py tests/model/test_cases.py tests/model/sequence.py tests/model/world.py tests/model/places.py tests/model/seeds.txt
