theme_files = \
	themes/dark.theme \
	themes/gruvbox.theme \
	themes/light.theme \
	themes/mono.theme \
	themes/nord.theme
themesdir = $(pkgdatadir)/themes
themes_DATA = $(theme_files)
EXTRA_DIST += $(theme_files)
