/* A plugin of QEMU (API version 1) that counts the instructions between two functions of the
   program it runs: inference_begins and inference_ends. A line for each pair goes to the file
   that the environment variable COUNTS names.

   Debian's package carries no header: what is used of the interface is declared here. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t Plugin;
struct block;
struct instruction;
struct facts;
enum { NO_REGISTERS = 0, ADD_64 = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(Plugin, void (*)(Plugin, struct block *));
extern void qemu_plugin_register_atexit_cb(Plugin, void (*)(Plugin, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
extern const char *qemu_plugin_insn_symbol(const struct instruction *);
extern uint64_t qemu_plugin_insn_vaddr(const struct instruction *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *,
                                                   void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int, void *, uint64_t);

#define VISIBLE __attribute__((visibility("default")))
#define MOST 4096

VISIBLE int qemu_plugin_version = 1;
static uint64_t executed, at_begin, counts[MOST], first_begin, first_end;
static int pairs;

static void begins(unsigned core, void *data) { at_begin = executed; }

static void ends(unsigned core, void *data) {
  if (pairs < MOST) counts[pairs++] = executed - at_begin;
}

/* Only the first instruction of each function is marked: `address` is where that stands. */
static int is_first(const struct instruction *it, const char *name, uint64_t *address) {
  const char *symbol = qemu_plugin_insn_symbol(it);
  if (!symbol || strcmp(symbol, name)) return 0;
  if (!*address) *address = qemu_plugin_insn_vaddr(it);
  return *address == qemu_plugin_insn_vaddr(it);
}

static void translated(Plugin id, struct block *block) {
  size_t length = qemu_plugin_tb_n_insns(block);
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_64, &executed, length);
  for (size_t i = 0; i < length; i++) {
    struct instruction *it = qemu_plugin_tb_get_insn(block, i);
    if (is_first(it, "inference_begins", &first_begin))
      qemu_plugin_register_vcpu_insn_exec_cb(it, begins, NO_REGISTERS, 0);
    if (is_first(it, "inference_ends", &first_end))
      qemu_plugin_register_vcpu_insn_exec_cb(it, ends, NO_REGISTERS, 0);
  }
}

static void finished(Plugin id, void *data) {
  const char *name = getenv("COUNTS");
  FILE *file = name ? fopen(name, "w") : 0;
  if (!file) return;
  for (int i = 0; i < pairs; i++) fprintf(file, "%llu\n", (unsigned long long)counts[i]);
  fclose(file);
}

VISIBLE int qemu_plugin_install(Plugin id, const struct facts *info, int count, char **words) {
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, 0);
  return 0;
}
