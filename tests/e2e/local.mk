# Tests: e2e. The program against real servers and on a real terminal; one file for each promise. They need python3-pyte and openssl, and
# fetch Dovecot and Postfix into servers/ of the build directory: see tests/servers/.
E2E_TOOLS = tests/e2e/fulmar.py tests/servers/servers.py tests/servers/others.py tests/servers/proxy.py tests/servers/scripted.py \
	tests/servers/gmail.py
EXTRA_DIST += $(E2E_TOOLS)
E2E_TESTS = \
	tests/e2e/test_00_demo.py \
	tests/e2e/test_01_enron.py \
	tests/e2e/test_02_push.py \
	tests/e2e/test_03_pop.py \
	tests/e2e/test_04_tls.py \
	tests/e2e/test_05_link.py \
	tests/e2e/test_06_everywhere.py \
	tests/e2e/test_07_folders.py \
	tests/e2e/test_08_kill.py \
	tests/e2e/test_09_actions.py \
	tests/e2e/test_10_answer.py \
	tests/e2e/test_11_keys.py \
	tests/e2e/test_12_bad_input.py \
	tests/e2e/test_13_screen.py \
	tests/e2e/test_14_composer.py \
	tests/e2e/test_15_send.py \
	tests/e2e/test_16_cli.py \
	tests/e2e/test_17_recovery.py \
	tests/e2e/test_18_full_disk.py \
	tests/e2e/test_19_gmail.py \
	tests/e2e/test_20_body.py \
	tests/e2e/test_21_undo.py \
	tests/e2e/test_22_cache.py
TESTS += $(E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS)
