/* What a program may do wrong without a crash: run it under valgrind or a sanitizer. Prints nothing when all is well. */
#include <espalier.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define EXPECT(call, status) \
  if ((call) != (status)) return printf("%s: line %d: %s\n", #call, __LINE__, espalier_last_error()->message.data), 1

static void *fail_in_a_thread(void *argument) {
  espalier_checkpoint checkpoint;
  (void)argument;
  /* The last error of a thread is freed with it. */
  return espalier_open("nowhere", &checkpoint) == ESPALIER_CHECKPOINT_ERROR ? NULL : "opened";
}

int main(int count, char **arguments) {
  if (count != 2) return 64;
  espalier_checkpoint checkpoint = 0;
  espalier_mask mask = 0;
  espalier_proof proof = 0;
  espalier_view view;
  espalier_text text;
  size_t index;
  char small[1];
  EXPECT(espalier_close(0), ESPALIER_INVALID_HANDLE);
  EXPECT(espalier_open(NULL, &checkpoint), ESPALIER_INVALID_ARGUMENT);
  EXPECT(espalier_open("\xff", &checkpoint), ESPALIER_INVALID_ARGUMENT);
  for (int round = 0; round < 3; round++) {
    EXPECT(espalier_open(arguments[1], &checkpoint), ESPALIER_OK);
    EXPECT(espalier_view_at(checkpoint, (size_t)-1, &view), ESPALIER_OUT_OF_RANGE);
    EXPECT(espalier_view_at(checkpoint, 0, &view), ESPALIER_OK);
    EXPECT(espalier_read(checkpoint, 0, small, sizeof small), ESPALIER_TOO_SMALL);
    EXPECT(espalier_find(checkpoint, "nothing", 7, &index), ESPALIER_NO_SUCH_KEY);
    espalier_rule rule = {ESPALIER_TRAIN, "**:role(bias)"};
    EXPECT(espalier_mask_create(checkpoint, &rule, 1, &mask), ESPALIER_OK);
    EXPECT(espalier_verify(checkpoint, checkpoint, mask, &proof), ESPALIER_OK);
    EXPECT(espalier_mask_text(mask, &text), ESPALIER_OK);
    if (strlen(text.data) != text.size) return puts("the text has no end"), 1;
    EXPECT(espalier_mask_text(checkpoint, &text), ESPALIER_INVALID_HANDLE);
    EXPECT(espalier_close(proof), ESPALIER_OK);
    EXPECT(espalier_close(proof), ESPALIER_INVALID_HANDLE);
    EXPECT(espalier_close(checkpoint), ESPALIER_OK);
    EXPECT(espalier_close(checkpoint), ESPALIER_INVALID_HANDLE);
    EXPECT(espalier_view_at(checkpoint, 0, &view), ESPALIER_INVALID_HANDLE);
    EXPECT(espalier_mask_text(mask, &text), ESPALIER_OK);
    EXPECT(espalier_close(mask), ESPALIER_OK);
  }
  pthread_t thread;
  void *answer = "not run";
  if (pthread_create(&thread, NULL, fail_in_a_thread, NULL) || pthread_join(thread, &answer) || answer)
    return puts("the thread failed"), 1;
  return 0;
}
