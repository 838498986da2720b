/*
 * Espalier's C interface: checkpoints, selectors, freeze masks and the proof that frozen tensors did not change.
 *
 *     espalier_checkpoint base;
 *     if (espalier_open("model.safetensors", &base) != ESPALIER_OK) {
 *       fprintf(stderr, "%s\n", espalier_last_error()->message.data);
 *       return 2;
 *     }
 *     const espalier_tensor *tensors;
 *     size_t count;
 *     espalier_tensors(base, &tensors, &count);
 *     espalier_close(base);
 *
 * Handles. A handle is a number. Zero is never one, and a number is never used again. A handle that was closed, that is of
 * another kind or that was never given out is ESPALIER_INVALID_HANDLE, not a crash. Each handle is closed once, by
 * espalier_close(). Handles are independent of each other: a mask stays valid when its checkpoint is closed.
 *
 * Memory. What a function returns through a pointer to const (texts, arrays) belongs to the handle it was asked of, never
 * changes, and is valid until that handle is closed. Nothing is freed by the caller. Arguments are copied where they are kept.
 *
 * Texts are UTF-8, with a length, for a key may contain any byte; a zero byte, which the length does not count, follows.
 *
 * Errors. Every function but espalier_version() and espalier_last_error() returns a status. When it is not ESPALIER_OK, no
 * output was written, and espalier_last_error() has the details. NULL for a pointer without "may be NULL" is
 * ESPALIER_INVALID_ARGUMENT.
 *
 * Threads. Every function may be called from any thread at any time, also with one handle. The last error belongs to the
 * calling thread. A pointer is not valid in a thread while another one closes its handle.
 *
 * The structures have the layout of ESPALIER_ABI_VERSION; espalier_abi_version() is that of the library.
 */
#ifndef ESPALIER_H
#define ESPALIER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPALIER_ABI_VERSION 1

/* ---- Status and errors ---- */

typedef enum {
  ESPALIER_OK = 0,
  /* An argument is NULL, is not UTF-8, or is a number that cannot be used. */
  ESPALIER_INVALID_ARGUMENT = 1,
  /* Zero, closed, of another kind, or not a handle. */
  ESPALIER_INVALID_HANDLE = 2,
  /* An index is not less than the count. */
  ESPALIER_OUT_OF_RANGE = 3,
  /* The caller's buffer has fewer bytes than the tensor. */
  ESPALIER_TOO_SMALL = 4,
  /* The checkpoint or the mask has no such key. */
  ESPALIER_NO_SUCH_KEY = 5,
  /* The file does not hold the elements in this form: use espalier_read(). */
  ESPALIER_NO_VIEW = 6,
  /* The checkpoint was described by espalier_describe() and has no elements. */
  ESPALIER_NO_ELEMENTS = 7,
  /* A file cannot be opened, read or written, or is not sound. */
  ESPALIER_CHECKPOINT_ERROR = 8,
  /* A selector, a rule or a mask cannot be used: not written correctly, or it selects nothing. */
  ESPALIER_SURGERY_ERROR = 9,
  /* The mask belongs to another checkpoint. */
  ESPALIER_DOES_NOT_FIT = 10,
  /* Anything else. */
  ESPALIER_OTHER_ERROR = 11
} espalier_status;

/* UTF-8. `data` is never NULL; data[size] is 0. */
typedef struct {
  const char *data;
  size_t size;
} espalier_text;

typedef struct {
  espalier_status status;
  /* What kind of thing is wrong, as one word: "notFound", "malformed", "matchesNothing", "invalidHandle", ... */
  espalier_text kind;
  /* The sentence, on one line, with the file and the place. */
  espalier_text message;
  /* The file, the key and the selector it is about; empty when it is not about one. */
  espalier_text path;
  espalier_text key;
  espalier_text selector;
  /* The byte in the file, or the Unicode scalar in the selector, where the problem is; -1 when it is not about one. */
  int64_t offset;
  /* Selectors that select something and resemble the one that selects nothing, best first. */
  const espalier_text *suggestions;
  size_t suggestion_count;
} espalier_error;

/* The version of the library, such as "0.1.0". Never fails. */
const char *espalier_version(void);

/* ESPALIER_ABI_VERSION of the library. Never fails. */
int32_t espalier_abi_version(void);

/*
 * Why the last call in this thread failed; its status is ESPALIER_OK when that call did not fail. Never NULL. Valid until
 * the next call of a function of this library in this thread, or its end.
 */
const espalier_error *espalier_last_error(void);

/* ---- Handles ---- */

/* All are numbers of one series; the names show which functions take which. */
typedef uint64_t espalier_handle;
typedef espalier_handle espalier_checkpoint;
typedef espalier_handle espalier_selection;
typedef espalier_handle espalier_mask;
typedef espalier_handle espalier_proof;

/* Closes a handle of any kind and frees what belongs to it. Errors: ESPALIER_INVALID_HANDLE, also when it is closed. */
espalier_status espalier_close(espalier_handle handle);

/* ---- Checkpoints ---- */

/*
 * Opens a safetensors or PyTorch file, an index of shards, a folder in the Hugging Face layout, or the model of this name in
 * the Hugging Face cache. Headers are read, elements are not, and nothing of a pickle is executed.
 *
 * Errors: ESPALIER_CHECKPOINT_ERROR when the file is missing, unreadable, not a checkpoint or not sound.
 */
espalier_status espalier_open(const char *path, espalier_checkpoint *checkpoint);

/*
 * The same for a checkpoint that holds only what changed since `base`, such as a delta; any other file is opened as
 * espalier_open() does. `base` may be closed afterwards.
 */
espalier_status espalier_open_over(const char *path, espalier_checkpoint base, espalier_checkpoint *checkpoint);

/* A tensor that only the caller has, such as a parameter of a live model. */
typedef struct {
  const char *key;
  size_t key_size;
  /* The name in safetensors' spelling: "F32", "BF16", "I64". */
  const char *dtype;
  /* `rank` extents, none negative; may be NULL for a scalar. */
  const int64_t *shape;
  size_t rank;
  /* The index of an earlier tensor that is the same memory (a tie), or -1. */
  int64_t tied_to;
} espalier_description;

/*
 * A checkpoint without elements from a list of tensors: for selectors, masks and warnings on a live model. The list is
 * copied. `descriptions` may be NULL when `count` is 0.
 *
 * Errors: ESPALIER_INVALID_ARGUMENT for an unknown dtype, a negative extent, an overflow, a duplicate key, or a `tied_to`
 * that is not the index of an earlier tensor; the error's key is the one concerned.
 */
espalier_status espalier_describe(
    const espalier_description *descriptions, size_t count, espalier_checkpoint *checkpoint);

typedef struct {
  /* As it was opened; empty for a described one. */
  espalier_text path;
  /* "safetensors", "torch-zip", "torch-legacy", "sharded"; empty for a described one. */
  espalier_text format;
  size_t tensor_count;
  size_t metadata_count;
  size_t unsupported_count;
} espalier_checkpoint_info;

espalier_status espalier_info(espalier_checkpoint checkpoint, espalier_checkpoint_info *info);

typedef struct {
  espalier_text key;
  /* The name in safetensors' spelling. */
  espalier_text dtype;
  /* The file that holds the elements; empty for a described tensor. */
  espalier_text file;
  /* `rank` extents and `rank` steps between neighbours, in elements; NULL for a scalar. */
  const int64_t *shape;
  const int64_t *strides;
  size_t rank;
  /* The number of elements. */
  uint64_t element_count;
  /* The bytes that they take row-major, which is what espalier_read() writes. */
  uint64_t byte_count;
  /* Where the first element is, in bytes from the start of its storage. */
  uint64_t offset;
  /* Bits of an element; below 8 for packed dtypes. */
  int32_t bit_width;
  /* 1 when the elements are row-major without gaps, 0 when they are not. */
  int32_t is_contiguous;
  /* The index of the first tensor with which this one has bytes in common (a tie), or -1. */
  int64_t tied_to;
} espalier_tensor;

/* All tensors, in the order of the file, as one array; NULL when there are none. */
espalier_status espalier_tensors(espalier_checkpoint checkpoint, const espalier_tensor **tensors, size_t *count);

/* One tensor, copied to the caller. Errors: ESPALIER_OUT_OF_RANGE. */
espalier_status espalier_tensor_at(espalier_checkpoint checkpoint, size_t index, espalier_tensor *tensor);

/* The index of the tensor under a key. Errors: ESPALIER_NO_SUCH_KEY. */
espalier_status espalier_find(espalier_checkpoint checkpoint, const char *key, size_t key_size, size_t *index);

typedef struct {
  espalier_text name;
  espalier_text value;
} espalier_pair;

/* The entries of `__metadata__` in their order; NULL when there are none. */
espalier_status espalier_metadata(espalier_checkpoint checkpoint, const espalier_pair **entries, size_t *count);

/* Tensors that are in the file and cannot be read: the key and the reason; NULL when there are none. */
espalier_status espalier_unsupported(espalier_checkpoint checkpoint, const espalier_pair **entries, size_t *count);

typedef struct {
  /* The first element. Little-endian, read-only, not always aligned to the element. NULL when there are no elements. */
  const void *data;
  /* The bytes from the first element to the end of the last one: byte_count when the tensor is contiguous. */
  uint64_t size;
} espalier_view;

/*
 * Where the elements are, without a copy: the tensor's strides apply to the pointer. Valid until the checkpoint is closed.
 * Checksums of the container are not compared (see espalier_check_elements()). The file is mapped: when another program
 * makes it shorter meanwhile, reading the view ends the process, as with any mapping.
 *
 * Errors: ESPALIER_NO_VIEW when the elements are compressed, big-endian or computed; ESPALIER_NO_ELEMENTS;
 * ESPALIER_OUT_OF_RANGE; ESPALIER_CHECKPOINT_ERROR when the file cannot be mapped.
 */
espalier_status espalier_view_at(espalier_checkpoint checkpoint, size_t index, espalier_view *view);

/*
 * Writes the elements, row-major and little-endian, to the caller's buffer of `size` bytes, and compares the container's
 * checksum. Bytes of the buffer after the tensor's byte_count are not touched; after an error the others are undefined.
 *
 * Errors: ESPALIER_TOO_SMALL, ESPALIER_OUT_OF_RANGE, ESPALIER_NO_ELEMENTS, ESPALIER_CHECKPOINT_ERROR.
 */
espalier_status espalier_read(espalier_checkpoint checkpoint, size_t index, void *buffer, size_t size);

/* Compares the container's checksum of the storage of a tensor, if it has one. Errors: as espalier_read(). */
espalier_status espalier_check_elements(espalier_checkpoint checkpoint, size_t index);

/* ---- Selectors ---- */

/* Rows of dimension 0, half-open. */
typedef struct {
  int64_t start;
  int64_t end;
} espalier_range;

typedef struct {
  /* The tensor's index in the checkpoint. */
  size_t index;
  /* The selected rows, ascending and apart; NULL when the whole tensor is selected. */
  const espalier_range *rows;
  size_t row_range_count;
} espalier_item;

typedef struct {
  espalier_text selector;
  /* 1 for a selector with `!`. */
  int32_t is_negated;
  /* The indices of the tensors that it matched, in the order of the file. */
  const size_t *matched;
  size_t matched_count;
  /* Of those, how many it added or removed; the others were selected, or not, before. */
  size_t changed_count;
} espalier_explanation;

/*
 * Resolves selectors in order; the last that matches a tensor or a row decides. None selects everything.
 *
 * Errors: ESPALIER_SURGERY_ERROR when one is not written correctly (`offset`) or selects nothing (`suggestions`).
 */
espalier_status espalier_select(
    espalier_checkpoint checkpoint, const char *const *selectors, size_t count, espalier_selection *selection);

/* What is selected, in the order of the file; NULL when there is nothing. */
espalier_status espalier_selection_items(espalier_selection selection, const espalier_item **items, size_t *count);

/* What each selector matched, in the order given; NULL when there was none. */
espalier_status espalier_selection_explanations(
    espalier_selection selection, const espalier_explanation **explanations, size_t *count);

/* ---- Freeze masks ---- */

typedef enum { ESPALIER_FREEZE = 0, ESPALIER_TRAIN = 1 } espalier_rule_kind;

typedef struct {
  espalier_rule_kind kind;
  const char *selector;
} espalier_rule;

/*
 * A mask from rules in order, as `espalier mask create` makes it: the last that matches a tensor or a row decides. What no
 * rule matches is frozen as soon as one rule trains, and trains otherwise.
 *
 * Errors: ESPALIER_SURGERY_ERROR when a selector is not written correctly, selects nothing, or nothing would train.
 */
espalier_status espalier_mask_create(
    espalier_checkpoint checkpoint, const espalier_rule *rules, size_t count, espalier_mask *mask);

/* Reads a mask file. Errors: ESPALIER_CHECKPOINT_ERROR, ESPALIER_SURGERY_ERROR when it is not a mask. */
espalier_status espalier_mask_read(const char *path, espalier_mask *mask);

/* Reads the text of a mask file from memory. Errors: ESPALIER_SURGERY_ERROR when it is not a mask. */
espalier_status espalier_mask_parse(const void *bytes, size_t size, espalier_mask *mask);

/* Writes the mask file, which appears complete or not at all. Errors: ESPALIER_CHECKPOINT_ERROR. */
espalier_status espalier_mask_write(espalier_mask mask, const char *path);

/* The text of the mask file (docs/mask-format.md). The same mask is always the same text. */
espalier_status espalier_mask_text(espalier_mask mask, espalier_text *text);

typedef enum {
  /* Stays byte-identical. */
  ESPALIER_FROZEN = 0,
  /* All of it trains. */
  ESPALIER_TRAINABLE = 1,
  /* The rows in `rows` train, and no others. */
  ESPALIER_ROWS = 2
} espalier_state;

typedef struct {
  espalier_text key;
  espalier_state state;
  const espalier_range *rows;
  size_t row_range_count;
} espalier_mask_entry;

/* The state of every tensor, in the order of the keys' bytes; NULL when there are none. */
espalier_status espalier_mask_entries(espalier_mask mask, const espalier_mask_entry **entries, size_t *count);

/* The state of one tensor, copied to the caller. Errors: ESPALIER_NO_SUCH_KEY. */
espalier_status espalier_mask_find(
    espalier_mask mask, const char *key, size_t key_size, espalier_mask_entry *entry);

typedef enum {
  /* `key` (a weight) trains, and `other` (its bias) is frozen. */
  ESPALIER_FROZEN_SIBLING = 0,
  /* `key` trains, `other` is frozen, and both are the same memory. */
  ESPALIER_SPLIT_TIE = 1,
  /* `key` was selected to train and holds numbers that have no gradient: it stays frozen. */
  ESPALIER_CANNOT_TRAIN = 2
} espalier_warning_kind;

typedef struct {
  espalier_warning_kind kind;
  espalier_text key;
  /* The other tensor; empty when there is none. */
  espalier_text other;
  /* The warning as a sentence. */
  espalier_text message;
} espalier_warning;

/* What is allowed and probably not meant, of a mask that espalier_mask_create() made; NULL when there is nothing. */
espalier_status espalier_mask_warnings(espalier_mask mask, const espalier_warning **warnings, size_t *count);

/*
 * Whether the mask belongs to the checkpoint: the same keys, dtypes and shapes.
 *
 * Errors: ESPALIER_DOES_NOT_FIT, with what differs in the message.
 */
espalier_status espalier_mask_check(espalier_mask mask, espalier_checkpoint checkpoint);

/* ---- The proof ---- */

/*
 * Compares two checkpoints byte for byte wherever the mask freezes. That a frozen tensor changed is a result, not an
 * error: see espalier_proof_info().
 *
 * Errors: ESPALIER_SURGERY_ERROR when the mask does not fit the base; ESPALIER_NO_ELEMENTS; ESPALIER_CHECKPOINT_ERROR.
 */
espalier_status espalier_verify(
    espalier_checkpoint base, espalier_checkpoint tuned, espalier_mask mask, espalier_proof *proof);

typedef struct {
  /* 1 when everything frozen is byte-identical. */
  int32_t holds;
  size_t violation_count;
  /* Tensors proven as a whole, frozen rows proven in other tensors, and the bytes of both. */
  uint64_t proven_tensors;
  uint64_t proven_rows;
  uint64_t proven_bytes;
  /* Tensors that train and changed, and those that train and did not. */
  size_t changed_count;
  size_t unchanged_count;
} espalier_proof_summary;

espalier_status espalier_proof_info(espalier_proof proof, espalier_proof_summary *summary);

typedef enum {
  ESPALIER_MISSING = 0,
  ESPALIER_OTHER_DTYPE = 1,
  ESPALIER_OTHER_SHAPE = 2,
  ESPALIER_OTHER_BYTES = 3
} espalier_violation_kind;

typedef struct {
  espalier_violation_kind kind;
  espalier_text key;
  /* The violation as a sentence. */
  espalier_text message;
  /* The frozen rows that changed, for ESPALIER_OTHER_BYTES; NULL for a scalar. */
  const espalier_range *rows;
  size_t row_range_count;
} espalier_violation;

/* What is not as the mask demands, in the order of the keys; NULL when the proof holds. */
espalier_status espalier_proof_violations(
    espalier_proof proof, const espalier_violation **violations, size_t *count);

typedef enum {
  /* Train, and changed. */
  ESPALIER_CHANGED = 0,
  /* Train, and are what they were. */
  ESPALIER_UNCHANGED = 1,
  /* In the tuned checkpoint and not in the mask. */
  ESPALIER_UNEXPECTED = 2,
  /* Of the base, under another name in the mask. */
  ESPALIER_ALIGNED = 3,
  /* Train, and are not in the base. */
  ESPALIER_ADDED = 4,
  /* Of the base, and not in the mask: nothing is claimed about them. */
  ESPALIER_IGNORED = 5
} espalier_key_list;

/* A list of keys; NULL when it is empty. Errors: ESPALIER_INVALID_ARGUMENT for a list that does not exist. */
espalier_status espalier_proof_keys(
    espalier_proof proof, espalier_key_list list, const espalier_text **keys, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
