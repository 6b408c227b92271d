noinst_LIBRARIES += src/cli/libcli.a
src_cli_libcli_a_CFLAGS = $(AM_CFLAGS)
src_cli_libcli_a_SOURCES = \
	src/cli/cli-act.c \
	src/cli/cli-backup.c \
	src/cli/cli-doctor.c \
	src/cli/cli-export.c \
	src/cli/cli-fetch.c \
	src/cli/cli-folder.c \
	src/cli/cli-free.c \
	src/cli/cli-json.c \
	src/cli/cli-list.c \
	src/cli/cli-message.c \
	src/cli/cli-private.h \
	src/cli/cli-queue.c \
	src/cli/cli-search.c \
	src/cli/cli-send.c \
	src/cli/cli-session.c \
	src/cli/cli-setup.c \
	src/cli/cli-show.c \
	src/cli/cli-sync.c \
	src/cli/cli.c
