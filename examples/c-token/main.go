// SPDX-License-Identifier: MIT

// C-token is a module of its own whose C code settles a promise of weft's, on a thread that knows nothing of Go.
//
// Its C code includes weft.h, which lies in the module of weft; the functions are in this program already, since package uv has
// them. So the compiler is told where the header is, and the linker not to look for them while it tries this package alone:
//
//	export CGO_CFLAGS="-I$(go list -f '{{.Dir}}' github.com/weft-go/weft/csrc)/include"
//	go run .
package main

/*
#cgo linux LDFLAGS: -Wl,--unresolved-symbols=ignore-all
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <stdlib.h>
#include <weft.h>

static void compute(void *arg) {
  weft_token token = *(weft_token *)arg;
  free(arg);
  int64_t sum = 0;
  for (int i = 1; i <= 1000 && !weft_token_cancelled(token); i++) sum += i;
  weft_resolve_i(token, sum); // an error code when nobody wants it any more
}

static int compute_on_a_thread(weft_token token) {
  weft_token *arg = malloc(sizeof(*arg));
  uv_thread_t thread;
  *arg = token;
  return uv_thread_create(&thread, compute, arg);
}
*/
import "C"

import (
	"context"
	"fmt"
	"log"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/uv"
)

func main() {
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		sum, token := weftio.FromC[int64](ctx)
		if e := C.compute_on_a_thread(C.weft_token(token)); e != 0 {
			return uv.Errno(e)
		}
		v, err := sum.Await(ctx)
		fmt.Println("a C thread says", v)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
