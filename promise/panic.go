// SPDX-License-Identifier: MIT

package promise

// protect calls f and returns what became of it: nil, or a *PanicError. When f ends by runtime.Goexit, the goroutine
// goes on ending, and goexit, when not nil, is called on the way.
func protect(f func(), goexit func()) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			err = newPanicError(r)
		} else if goexit != nil {
			goexit()
		}
	}()
	f()
	returned = true
	return nil
}

// goexitSignal is what a coroutine whose function ended by runtime.Goexit panics with, so that the end stops at whoever
// resumed it instead of spreading there.
type goexitSignal struct{}

// catchGoexit is deferred around the resumption of a coroutine.
func catchGoexit(died *bool) {
	switch r := recover(); r.(type) {
	case nil:
	case goexitSignal:
		*died = true
	default:
		panic(r)
	}
}
