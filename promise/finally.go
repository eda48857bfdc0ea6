// SPDX-License-Identifier: MIT

package promise

import "errors"

// Finally runs f once p has settled, whichever way, waits for the promise it returns, and then has p's outcome. When f
// fails too, the result is rejected with both errors joined, p's first. Lwt.finalize.
//
// Cancel goes to p while that is pending, and then to the promise of f.
func (p *Promise[T]) Finally(f func() *Promise[Unit]) *Promise[T] {
	p.must("Finally")
	if f == nil {
		panic("promise: Finally: the function is nil")
	}
	restore := func(v T, err error) *Promise[T] {
		done := cleanup(f)
		return chain(done,
			func(Unit) *Promise[T] {
				if err != nil {
					return handed[T](err)
				}
				return Resolved(v)
			},
			func(cerr error) *Promise[T] { return handed[T](errors.Join(err, cerr)) })
	}
	return chain(p,
		func(v T) *Promise[T] { return restore(v, nil) },
		func(err error) *Promise[T] {
			var zero T
			return restore(zero, err)
		})
}

// cleanup calls f; its panic is the rejection of the promise.
func cleanup(f func() *Promise[Unit]) (done *Promise[Unit]) {
	if err := protect(func() { done = f() }, nil); err != nil {
		return handed[Unit](err)
	}
	if done == nil {
		return handed[Unit](errNilPromise)
	}
	return done
}
