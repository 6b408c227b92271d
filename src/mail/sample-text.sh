# Prints the file named on the command line as one C string.
echo "/* Made from sample.txt by sample-text.sh. */"
echo '#include "mail/sample-private.h"'
echo "const char fm_sample_text[] ="
sed -e 's/[\\"]/\\&/g' -e 's/^/  "/' -e 's/$/\\n"/' "$1"
echo "  ;"
