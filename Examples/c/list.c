/* Lists the tensors of a checkpoint and what selectors select of it: list FILE [SELECTOR ...] */
#include <espalier.h>
#include <inttypes.h>
#include <stdio.h>

static int failed(void) {
  const espalier_error *error = espalier_last_error();
  fprintf(stderr, "list: %s\n", error->message.data);
  for (size_t i = 0; i < error->suggestion_count; i++) fprintf(stderr, "  try %s\n", error->suggestions[i].data);
  return 2;
}

int main(int count, char **arguments) {
  if (count < 2) return 64;
  espalier_checkpoint checkpoint;
  espalier_selection selection;
  const espalier_tensor *tensors;
  const espalier_item *items;
  size_t tensor_count, item_count;
  if (espalier_open(arguments[1], &checkpoint) ||
      espalier_tensors(checkpoint, &tensors, &tensor_count) ||
      espalier_select(checkpoint, (const char *const *)arguments + 2, (size_t)count - 2, &selection) ||
      espalier_selection_items(selection, &items, &item_count))
    return failed();
  for (size_t i = 0; i < item_count; i++) {
    const espalier_tensor *tensor = &tensors[items[i].index];
    espalier_view view;
    int has_view = espalier_view_at(checkpoint, items[i].index, &view) == ESPALIER_OK;
    printf("%s  %s  %" PRIu64 " bytes%s\n", tensor->key.data, tensor->dtype.data, tensor->byte_count,
           has_view ? "" : "  (no view)");
  }
  printf("%zu of %zu tensors\n", item_count, tensor_count);
  return espalier_close(selection) || espalier_close(checkpoint) ? failed() : 0;
}
