/* The walk from a parsed tree to blocks. */
#pragma once
#include "fulmar/mail/doc.h"
#include "mail/html-private.h"

/* Appends the tree's blocks, without the list of links. */
void fm_html_walk_tree (FmDocBuilder *builder, const GumboOutput *output, gboolean no_links);
