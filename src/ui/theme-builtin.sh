# Prints the theme files named on the command line as a table of C strings.
echo "/* Made from themes/ by theme-builtin.sh. */"
echo "static const struct { const char *name, *text; } builtin_themes[] = {"
for file in "$@"; do
  name=${file##*/}
  echo "  { \"${name%.theme}\","
  sed -e 's/[\\"]/\\&/g' -e 's/^/    "/' -e 's/$/\\n"/' "$file"
  echo "  },"
done
echo "};"
