// SPDX-License-Identifier: MIT

package uv

// EachErrno calls f with each code and its name in C.
func EachErrno(f func(e Errno, name string)) {
	for _, e := range errnos {
		f(e.code, e.name)
	}
}
