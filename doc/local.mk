# Manuals and the tour. The manuals' tables are made from the program's own descriptors: see doc/make-tables.c.
noinst_PROGRAMS = doc/make-tables
doc_make_tables_SOURCES = doc/make-tables.c
doc_make_tables_LDADD = src/ui/libui.a src/cli/libcli.a $(APP_LIBS) $(CURSES_LIBS)

man_MANS = doc/fulmar.1 doc/fulmar.conf.5
CLEANFILES += doc/fulmar.1 doc/fulmar.conf.5
manual_templates = doc/fulmar.1.in doc/fulmar.conf.5.in
EXTRA_DIST += $(manual_templates)

doc/fulmar.1: $(srcdir)/doc/fulmar.1.in doc/make-tables$(EXEEXT)
	$(AM_V_GEN)doc/make-tables$(EXEEXT) $(srcdir)/doc/fulmar.1.in > $@.tmp && mv $@.tmp $@
doc/fulmar.conf.5: $(srcdir)/doc/fulmar.conf.5.in doc/make-tables$(EXEEXT)
	$(AM_V_GEN)doc/make-tables$(EXEEXT) $(srcdir)/doc/fulmar.conf.5.in > $@.tmp && mv $@.tmp $@

TESTS += doc/test-manuals.sh
EXTRA_DIST += doc/test-manuals.sh

dist_doc_DATA += README doc/tour.md doc/violations.md doc/style.md
internalsdir = $(docdir)/internals
dist_internals_DATA = doc/internals/gmail.md doc/internals/imap.md doc/internals/journal.md doc/internals/outbox.md doc/internals/sync.md doc/internals/traps.md
