#define _GNU_SOURCE
#include "EspalierPool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <sys/mman.h>
#endif

// Workers spin this long for the next run before they sleep: between two kernels of a training step
// lie a few microseconds, between two steps of an idle program forever.
#define SPIN_NANOSECONDS 50000

struct espalier_pool {
  pthread_mutex_t entrance;  // held by the thread whose run it is
  pthread_mutex_t lock;      // guards sleeping
  pthread_cond_t wake;
  size_t threads;
  pthread_t *handles;  // threads - 1 of them
  // Written before `generation` is raised, read after it was seen to rise.
  espalier_pool_body body;
  void *context;
  size_t items;
  // One cache line each: the three are hammered by different threads at different times.
  _Alignas(64) atomic_uint generation;
  _Alignas(64) atomic_size_t next;
  _Alignas(64) atomic_size_t busy;
  _Alignas(64) atomic_size_t sleeping;
  atomic_bool stopping;
};

typedef struct {
  espalier_pool *pool;
  size_t worker;
} start_argument;

// The worker number plus one while this thread works on a run, 0 otherwise.
static _Thread_local size_t current_worker = 0;

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void work(espalier_pool *pool, size_t worker) {
  current_worker = worker + 1;
  for (;;) {
    size_t item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (item >= pool->items) break;
    pool->body(pool->context, worker, item);
  }
  current_worker = 0;
}

/// Returns when the generation differs from `seen`: spins first, then sleeps.
static unsigned await_generation(espalier_pool *pool, unsigned seen) {
  unsigned generation;
  uint64_t start = 0;
  for (unsigned spins = 1;; spins++) {
    generation = atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (generation != seen) return generation;
    relax();
    if (spins % 64 == 0) {
      uint64_t time = now();
      if (start == 0) start = time;
      if (time - start > SPIN_NANOSECONDS) break;
    }
  }
  pthread_mutex_lock(&pool->lock);
  // Sequentially consistent on both sides: either the runner sees us sleeping or we see its raise.
  atomic_fetch_add(&pool->sleeping, 1);
  while ((generation = atomic_load(&pool->generation)) == seen) {
    pthread_cond_wait(&pool->wake, &pool->lock);
  }
  atomic_fetch_sub(&pool->sleeping, 1);
  pthread_mutex_unlock(&pool->lock);
  return generation;
}

static void raise_generation(espalier_pool *pool) {
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleeping) > 0) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
  }
}

static void *worker_main(void *raw) {
  start_argument argument = *(start_argument *)raw;
  free(raw);
  espalier_pool *pool = argument.pool;
  unsigned seen = 0;
  for (;;) {
    seen = await_generation(pool, seen);
    if (atomic_load(&pool->stopping)) return NULL;
    work(pool, argument.worker);
    atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
  }
}

espalier_pool *espalier_pool_create(size_t threads) {
  if (threads < 1) threads = 1;
  espalier_pool *pool = NULL;
  if (posix_memalign((void **)&pool, 64, sizeof *pool) != 0) return NULL;
  pthread_mutex_init(&pool->entrance, NULL);
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  atomic_init(&pool->generation, 0);
  atomic_init(&pool->next, 0);
  atomic_init(&pool->busy, 0);
  atomic_init(&pool->sleeping, 0);
  atomic_init(&pool->stopping, false);
  pool->items = 0;
  pool->threads = 1;
  pool->handles = calloc(threads, sizeof *pool->handles);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 8u << 20);
  for (size_t worker = 1; worker < threads && pool->handles; worker++) {
    start_argument *argument = malloc(sizeof *argument);
    if (!argument) break;
    *argument = (start_argument){pool, worker};
    if (pthread_create(&pool->handles[worker - 1], &attributes, worker_main, argument) != 0) {
      free(argument);
      break;
    }
    pool->threads++;
  }
  pthread_attr_destroy(&attributes);
  return pool;
}

void espalier_pool_destroy(espalier_pool *pool) {
  atomic_store(&pool->stopping, true);
  raise_generation(pool);
  for (size_t i = 0; i + 1 < pool->threads; i++) pthread_join(pool->handles[i], NULL);
  free(pool->handles);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  pthread_mutex_destroy(&pool->entrance);
  free(pool);
}

size_t espalier_pool_threads(const espalier_pool *pool) { return pool->threads; }

void espalier_pool_run(espalier_pool *pool, size_t items, espalier_pool_body body, void *context) {
  if (current_worker > 0) {
    for (size_t item = 0; item < items; item++) body(context, current_worker - 1, item);
    return;
  }
  pthread_mutex_lock(&pool->entrance);
  pool->body = body;
  pool->context = context;
  pool->items = items;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  if (items > 1 && pool->threads > 1) {
    atomic_store_explicit(&pool->busy, pool->threads - 1, memory_order_relaxed);
    raise_generation(pool);
    work(pool, 0);
    // The others are in their last item. If one of them has lost its core, let it have ours.
    for (unsigned spins = 1; atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; spins++) {
      relax();
      if (spins % 4096 == 0) sched_yield();
    }
  } else {
    work(pool, 0);
  }
  pthread_mutex_unlock(&pool->entrance);
}

#if defined(__linux__)
/// Whether `cpu` is the first of its core's hardware threads, or nothing says otherwise.
static bool leads_its_core(int cpu) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *file = fopen(path, "r");
  if (!file) return true;
  int first = cpu;
  if (fscanf(file, "%d", &first) != 1) first = cpu;
  fclose(file);
  return first == cpu;
}
#endif

size_t espalier_physical_cores(void) {
  size_t cores = 0;
#if defined(__linux__)
  cpu_set_t allowed;
  size_t logical = 0;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      logical++;
      if (leads_its_core(cpu)) cores++;
    }
    // Bound to second hardware threads only: each counts.
    if (cores == 0) cores = logical;
  }
#elif defined(__APPLE__)
  int count = 0;
  size_t size = sizeof count;
  if (sysctlbyname("hw.perflevel0.physicalcpu", &count, &size, NULL, 0) == 0 && count > 0) {
    cores = (size_t)count;
  }
#endif
  if (cores == 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cores = online > 0 ? (size_t)online : 1;
  }
  return cores;
}

void espalier_prefer_large_pages(void *memory, size_t bytes) {
#if defined(__linux__)
  const uintptr_t page = 2u << 20;
  uintptr_t start = ((uintptr_t)memory + page - 1) / page * page;
  uintptr_t end = ((uintptr_t)memory + bytes) / page * page;
  if (memory && start < end) madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}
