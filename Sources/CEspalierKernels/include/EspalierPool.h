// A fork-join pool of threads. The only kernel that keeps memory: what create allocates, destroy frees.
#pragma once
#include <stddef.h>

typedef struct espalier_pool espalier_pool;

/// A piece of work: `worker` is in 0..<threads and never used by two pieces at once.
typedef void (*espalier_pool_body)(void *_Nullable context, size_t worker, size_t item);

/// A pool of `threads` threads, the caller's included; fewer when the system refuses to start more.
/// NULL when memory is short.
espalier_pool *_Nullable espalier_pool_create(size_t threads);

/// Waits for the threads to end and frees the pool. No run may be under way.
void espalier_pool_destroy(espalier_pool *_Nonnull pool);

/// The number of threads, the caller's included.
size_t espalier_pool_threads(const espalier_pool *_Nonnull pool);

/// Calls body(context, worker, item) for every item in 0..<items, in any order, on all threads, and
/// returns when all are done. Items are handed out one by one. A run from inside a run works
/// serially; runs from several threads wait for each other.
void espalier_pool_run(
    espalier_pool *_Nonnull pool, size_t items, espalier_pool_body _Nonnull body,
    void *_Nullable context);

/// The number of physical cores that this process may use, at least 1.
size_t espalier_physical_cores(void);

/// Asks the system to back the middle of a large allocation with large pages, which saves the
/// matrix product address look-ups. Only a hint; does nothing elsewhere than on Linux.
void espalier_prefer_large_pages(void *_Nullable memory, size_t bytes);
