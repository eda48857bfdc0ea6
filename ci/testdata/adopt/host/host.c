/* SPDX-License-Identifier: MIT
 *
 * A program with a loop of its own, which loads a Go library at run time. With the argument "refused" the library must
 * not have it. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return 2;
  void *library = dlopen(argv[1], RTLD_NOW);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  int (*begin)(void *, int *) = (int (*)(void *, int *))dlsym(library, "Begin");
  static int done;
  int refused = begin(&loop, &done);
  if (refused != (strcmp(argv[2], "refused") == 0)) return 1;
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) != 0 || done == refused;
}
