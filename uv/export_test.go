// SPDX-License-Identifier: MIT

package uv

// EachErrno calls f with each code and its name in C.
func EachErrno(f func(e Errno, name string)) {
	for _, e := range errnos {
		f(e.code, e.name)
	}
}

// SetCheckVersion has the check of the libuv that runs say this.
func SetCheckVersion(check func() error) (restore func()) {
	was := checkVersion
	checkVersion = check
	return func() { checkVersion = was }
}
