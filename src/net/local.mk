noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
src_net_libnet_a_SOURCES = \
	src/net/auth.c \
	src/net/dial.c \
	src/net/dial.h \
	src/net/mutf7.c \
	src/net/mutf7.h \
	src/net/server.c \
	src/net/stream.c \
	src/net/tls.c \
	src/net/tls.h
