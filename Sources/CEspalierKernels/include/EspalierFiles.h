// A system call that the Swift overlay of the C library does not show.
#pragma once
#include <stdint.h>

/// Lets the disk begin with `count` bytes at `offset` that were written to `descriptor`, without
/// waiting. Does nothing where there is no such call.
void espalier_begin_flushing(int descriptor, int64_t offset, int64_t count);
