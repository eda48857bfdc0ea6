// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"fmt"
)

// Awaitable is any *Promise, whatever its type.
type Awaitable interface {
	// Wait is Await without the value.
	Wait(ctx context.Context) error

	awaited
}

// awaited is what waiting needs of a promise.
type awaited interface {
	input
	missing() bool
	outcome() (err error, settled bool) //nolint:revive
	attach(n *node) bool
	attachFrom(q *Queue, n *node) bool
	manner() manner
	ran(owner *Queue, n *node)
	withdraw(n *node, cause error) (why error)
	giveUp(n *node) (cancels bool)
	explainer() explainer
}

// Await waits until p is settled and returns its outcome. In a task it switches to the loop, which goes on with other
// work; in an ordinary goroutine it blocks that. In a bare callback, and in Go code that C called from a task, nothing could
// end the wait: there it returns ErrWouldDeadlock.
//
// A promise that has settled already does not make a task wait. But every 128th such Await in one step of a task lets all
// that is on the run queue run first. When the turn has taken its 10 ms by then, it lets timers and I/O come first as well.
//
// An outcome that is there is returned even when ctx has ended. Otherwise Await also waits for ctx, whose cause it returns
// (with what p's operation says of it: a Dial adds the address), and for the end of the loops involved: ErrLoopClosed.
//
// # Cancellation
//
// When ctx ends first and nobody else is interested in p (no callback, no derived promise, no other Await, no Done channel),
// p is cancelled: what the caller gave up is stopped. To keep p going and await it again later, await p.NoCancel():
//
//	p := weftio.LookupHost(ctx, "example.com")
//	short, cancel := promise.ContextTimeout(ctx, time.Second)
//	addrs, err := p.NoCancel().Await(short) // the lookup goes on after a second
//	cancel()
//	if errors.Is(err, promise.ErrTimeout) {
//		fmt.Println("still looking ...")
//		addrs, err = p.Await(ctx)
//	}
func (p *Promise[T]) Await(ctx context.Context) (T, error) {
	p.must("Await")
	if v, err, ok := p.peek(); ok {
		if c, ok := ctx.(*taskCtx); !ok || c.awaitsSettled() {
			afterSettled(ctx, p.q)
		}
		return v, err
	}
	if ctx == nil {
		panicNilContext()
	}
	co, err := waiting()
	switch {
	case co != nil:
		err = co.await(ctx, p)
	case err == nil:
		err = awaitOutside(ctx, p)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	v, err, _ := p.peek()
	return v, err
}

// Wait is Await without the value.
func (p *Promise[T]) Wait(ctx context.Context) error {
	_, err := p.Await(ctx)
	return err
}

// waiting returns the coroutine of the task that the caller is part of, nil in an ordinary goroutine, and an error where no wait would end.
func waiting() (*coroutine, error) {
	q, nested := locate()
	switch {
	case q == nil:
		return nil, nil
	case nested:
		return nil, fmt.Errorf("await in Go code that C called: %w", ErrWouldDeadlock)
	case q.cur == nil:
		return nil, fmt.Errorf("await in a bare callback: %w", ErrWouldDeadlock)
	}
	return q.cur, nil
}

// gate holds an ordinary goroutine until a promise is settled.
type gate struct {
	node node
	q    *Queue // the promise's; the promise itself may be another one by the time the gate runs, see Leaf.Init
	open chan struct{}
}

// run is called on the promise's loop, or by its end.
func (g *gate) run() {
	g.q.wokeGo = true
	g.q.forget(&g.node)
	close(g.open)
}

// awaitOutside is an Await in an ordinary goroutine. It returns nil once p has an outcome, or why it was not waited for.
func awaitOutside(ctx context.Context, p awaited) error {
	j := jobOf(ctx)
	j.leave()
	defer j.back()
	g := &gate{q: p.queue(), open: make(chan struct{})}
	g.node.cb = g
	if !p.attachFrom(nil, &g.node) {
		return nil // the loop is closed; the outcome says so
	}
	if g.q.spin.until(p) {
		p.detach(&g.node, false)
		return nil
	}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
	}
	return p.withdraw(&g.node, context.Cause(ctx))
}

func (p *Promise[T]) missing() bool { return p == nil }

func (p *Promise[T]) outcome() (err error, settled bool) { //nolint:revive
	_, err, settled = p.peek()
	return err, settled
}

// withdraw takes a waiter's node back and cancels p when nobody else is interested in it, in one
// step. It returns the cause as p's operation explains it; nil, and it cancels nothing, when p has
// an outcome after all.
func (p *Promise[T]) withdraw(n *node, cause error) (why error) {
	q := p.q
	err := canceled(cause)
	q.lock()
	cancels := p.giveUp(n)
	delete(q.links, n)
	if p.isSettled() || q.closed.Load() {
		q.unlock()
		return nil
	}
	why = p.explain(cause)
	var remote []cell
	if cancels {
		remote = q.searchFrom(p, err)
	}
	q.unlock()
	cancelAll(remote, err)
	return why
}

// giveUp takes a waiter's node back, and reports whether p is to be cancelled: nobody else is interested in it.
func (p *Promise[T]) giveUp(n *node) (cancels bool) {
	p.detachLocked(n, false)
	return p.root() == p && !p.list.interest()
}

// interest reports whether anybody but OnCancel waits.
func (l *list) interest() bool {
	for n := l.first; n != nil; {
		if !n.onCancel {
			return true
		}
		if n = n.next; n == l.first {
			break
		}
	}
	return false
}

// forget takes a node off the list of outsiders.
func (q *Queue) forget(n *node) {
	q.lock()
	delete(q.links, n)
	q.unlock()
}

// Done returns a channel that is closed once p is settled, for use in a select. Every call on a pending promise returns the
// same channel. It counts as interest in p.
func (p *Promise[T]) Done() <-chan struct{} {
	p.must("Done")
	if _, _, settled := p.peek(); settled {
		return closedChannel
	}
	q := p.q
	q.lock()
	defer q.unlock()
	r := p.root()
	if r.isSettled() || q.closed.Load() {
		return closedChannel
	}
	for n := r.list.first; n != nil; {
		if d, ok := n.cb.(*doneChannel); ok {
			return d.ch
		}
		if n = n.next; n == r.list.first {
			break
		}
	}
	d := &doneChannel{q: q, ch: make(chan struct{})}
	d.node.cb = d
	q.links[&d.node] = struct{}{}
	p.attachLocked(&d.node)
	return d.ch
}

type doneChannel struct {
	node node
	q    *Queue
	ch   chan struct{}
}

func (d *doneChannel) run() {
	d.q.wokeGo = true
	d.q.forget(&d.node)
	close(d.ch)
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
