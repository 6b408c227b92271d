/* What a worker does once it is set up: write, or read. Each runs until its parent has gone or something ends it. */
#pragma once
#include "index/index-frame.h"

typedef struct {
  int socket;
  int gate;        /* see index-gate.h */
  const char *dir; /* of the generation */
  FmIndexFrameHello hello;
} FmIndexRole;

/* The process's exit status. */
int fm_index_writer_run (const FmIndexRole *role);
int fm_index_reader_run (const FmIndexRole *role);
