package models

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>

// keep lets free keep what it is given: up to 64 MiB at the top of a heap stay, and a heap grows by 1 MiB at a time.
static void keep(void) {
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_ARENA_MAX, 4);
}
#else
static void keep(void) {}
#endif
*/
import "C"

import "sync"

// keepFreed tells the C library not to return freed memory to the system at once. SQLite drops the pages that a reader
// holds whenever somebody has written in between, and asks for them again with the next read: without this a quarter of
// the time of a drain went into giving pages to the system, taking them back and zeroing them. It does nothing where the
// library is not glibc.
var keepFreed = sync.OnceFunc(func() { C.keep() })
