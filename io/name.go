// SPDX-License-Identifier: MIT

package io

import (
	"reflect"
	"runtime"
)

// nameOf is the name of a user's function, as reports have it: "main.chat".
func nameOf(f any) string {
	if fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer()); fn != nil {
		return fn.Name()
	}
	return "a function"
}
