// SPDX-License-Identifier: MIT

// A Go library for a C program: it hands out tokens of its loop, and says what became of them. ci/interop builds it.
package main

import "C"

import (
	"context"
	"errors"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

var (
	loop  *weftio.Loop
	value *promise.Promise[int64]
)

//export lib_open
func lib_open() C.ulonglong {
	var err error
	if loop, err = weftio.Start(); err != nil {
		return 0
	}
	var token weftio.Token
	value, token = weftio.FromC[int64](loop.Context(context.Background()))
	return C.ulonglong(token)
}

// lib_wait returns the value, a negative code, or -1 for another error.
//
//export lib_wait
func lib_wait() C.longlong {
	v, err := value.Await(context.Background())
	if err == nil {
		return C.longlong(v)
	}
	var from *weftio.CError
	if errors.As(err, &from) {
		return C.longlong(from.Code)
	}
	return -1
}

//export lib_open_tokens
func lib_open_tokens() C.int { return C.int(len(loop.Tokens())) }

//export lib_close
func lib_close() C.int {
	if loop.Close() != nil {
		return 1
	}
	return 0
}

func main() {}
