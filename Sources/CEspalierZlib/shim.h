// zlib, for deflated records and CRC-32 in PyTorch zip files.
// inflateInit2 is a macro that Swift cannot call, hence the function below.
#pragma once
#include <zlib.h>

static inline int espalier_inflate_init_raw(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}
