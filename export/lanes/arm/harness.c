/* Runs a .tflite file through libLiteRt.so and marks each inference for the counting plugin.

   harness LIBRARY MODEL INPUTS COUNT

   INPUTS holds COUNT inputs one after another: of each sample the first input, the second, ...
   The outputs are written to standard output in the same way. Exit code: 2 the library, 3 a
   function it lacks, 4 a call that failed, 5 inputs that end too soon. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ENDS 16
#define CPU 1
#define READ 0
#define WRITE 1

typedef void *Handle;
typedef struct { int32_t words[64]; } TensorType; /* larger than LiteRT's own */

static Handle library;

static void *function(const char *name) {
  void *found = dlsym(library, name);
  if (!found) {
    fprintf(stderr, "LiteRT has no %s\n", name);
    exit(3);
  }
  return found;
}

#define LOAD(name, ...) int (*name)(__VA_ARGS__) = (int (*)(__VA_ARGS__))function(#name)
#define MUST(call)                                   \
  do {                                               \
    int status = (call);                             \
    if (status) {                                    \
      fprintf(stderr, "%s: status %d\n", #call, status); \
      exit(4);                                       \
    }                                                \
  } while (0)

__attribute__((noinline)) void inference_begins(void) { __asm__ volatile(""); }
__attribute__((noinline)) void inference_ends(void) { __asm__ volatile(""); }

int main(int count, char **words) {
  if (count != 5 || !(library = dlopen(words[1], RTLD_NOW))) {
    fprintf(stderr, "%s\n", count == 5 ? dlerror() : "four arguments expected");
    return 2;
  }
  LOAD(LiteRtCreateEnvironment, int, void *, Handle *);
  LOAD(LiteRtCreateModelFromFile, Handle, const char *, Handle *);
  LOAD(LiteRtCreateOptions, Handle *);
  LOAD(LiteRtSetOptionsHardwareAccelerators, Handle, int);
  LOAD(LiteRtCreateCompiledModel, Handle, Handle, Handle, Handle *);
  LOAD(LiteRtGetMainModelSubgraphIndex, Handle, size_t *);
  LOAD(LiteRtGetModelSubgraph, Handle, size_t, Handle *);
  LOAD(LiteRtGetNumSubgraphInputs, Handle, size_t *);
  LOAD(LiteRtGetNumSubgraphOutputs, Handle, size_t *);
  LOAD(LiteRtGetSubgraphInput, Handle, size_t, Handle *);
  LOAD(LiteRtGetSubgraphOutput, Handle, size_t, Handle *);
  LOAD(LiteRtGetRankedTensorType, Handle, TensorType *);
  LOAD(LiteRtGetCompiledModelInputBufferRequirements, Handle, size_t, size_t, Handle *);
  LOAD(LiteRtGetCompiledModelOutputBufferRequirements, Handle, size_t, size_t, Handle *);
  LOAD(LiteRtCreateManagedTensorBufferFromRequirements, Handle, const TensorType *, Handle,
       Handle *);
  LOAD(LiteRtLockTensorBuffer, Handle, void **, int);
  LOAD(LiteRtUnlockTensorBuffer, Handle);
  LOAD(LiteRtGetTensorBufferPackedSize, Handle, size_t *);
  LOAD(LiteRtRunCompiledModel, Handle, size_t, size_t, Handle *, size_t, Handle *);

  Handle environment, model, options, compiled, graph, tensor, wanted;
  Handle inputs[MOST_ENDS], outputs[MOST_ENDS];
  size_t index, taken, given, size;
  TensorType type;
  MUST(LiteRtCreateEnvironment(0, 0, &environment));
  MUST(LiteRtCreateModelFromFile(environment, words[2], &model));
  MUST(LiteRtCreateOptions(&options));
  MUST(LiteRtSetOptionsHardwareAccelerators(options, CPU));
  MUST(LiteRtCreateCompiledModel(environment, model, options, &compiled));
  MUST(LiteRtGetMainModelSubgraphIndex(model, &index));
  MUST(LiteRtGetModelSubgraph(model, index, &graph));
  MUST(LiteRtGetNumSubgraphInputs(graph, &taken));
  MUST(LiteRtGetNumSubgraphOutputs(graph, &given));
  if (taken > MOST_ENDS || given > MOST_ENDS) {
    fprintf(stderr, "more than %d inputs or outputs\n", MOST_ENDS);
    return 4;
  }
  for (size_t i = 0; i < taken; i++) {
    memset(&type, 0, sizeof type);
    MUST(LiteRtGetSubgraphInput(graph, i, &tensor));
    MUST(LiteRtGetRankedTensorType(tensor, &type));
    MUST(LiteRtGetCompiledModelInputBufferRequirements(compiled, index, i, &wanted));
    MUST(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, wanted, &inputs[i]));
  }
  for (size_t i = 0; i < given; i++) {
    memset(&type, 0, sizeof type);
    MUST(LiteRtGetSubgraphOutput(graph, i, &tensor));
    MUST(LiteRtGetRankedTensorType(tensor, &type));
    MUST(LiteRtGetCompiledModelOutputBufferRequirements(compiled, index, i, &wanted));
    MUST(LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, wanted, &outputs[i]));
  }
  FILE *source = fopen(words[3], "rb");
  void *memory;
  for (int run = 0; run < atoi(words[4]); run++) {
    for (size_t i = 0; i < taken; i++) {
      MUST(LiteRtGetTensorBufferPackedSize(inputs[i], &size));
      MUST(LiteRtLockTensorBuffer(inputs[i], &memory, WRITE));
      if (!source || fread(memory, 1, size, source) != size) {
        fprintf(stderr, "inputs end too soon\n");
        return 5;
      }
      MUST(LiteRtUnlockTensorBuffer(inputs[i]));
    }
    inference_begins();
    int status = LiteRtRunCompiledModel(compiled, index, taken, inputs, given, outputs);
    inference_ends();
    MUST(status);
    for (size_t i = 0; i < given; i++) {
      MUST(LiteRtGetTensorBufferPackedSize(outputs[i], &size));
      MUST(LiteRtLockTensorBuffer(outputs[i], &memory, READ));
      fwrite(memory, 1, size, stdout);
      MUST(LiteRtUnlockTensorBuffer(outputs[i]));
    }
  }
  fflush(stdout);
  _Exit(0); /* LiteRT's own end is of no interest, and not always a peaceful one */
}
