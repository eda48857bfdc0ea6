// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Queue is the run queue and the timer heap of one loop. A loop makes one with NewQueue and calls its Run once a turn;
// everything else reaches it through a context (see Context).
//
// Its monitor guards the callback lists, the cancel searches and the merging of all promises of the loop. No two queues'
// mutexes are ever held at once, and no user code runs under one.
type Queue struct {
	exec     Executor
	tracking bool // see Track

	mon      monitor
	ready    list                 // what runs next, FIFO
	links    map[*node]struct{}   // nodes attached here on behalf of somebody outside: goroutines, other loops
	suspects []*unseen            // rejections of Go that nobody had looked at when they came
	unseen   map[*unseen]struct{} // those of other promises
	sites    map[cell]*Site       // where pending promises were made, in debug mode
	origins  map[any]*Site        // where tasks, Offloads and timers were made, of a queue that tracks them
	settled  int64                // promises made pending that are no longer
	search   search
	pausers  list
	timers   timerHeap
	tasks    taskList
	offloads offloads
	foreign  foreignList
	root     tie // what no other context is above of hangs here, until the loop ends
	random   *rand.Rand
	handler  func(error)
	sealed   bool // Post takes nothing more

	made    atomic.Int64 // promises made pending
	spin    spinner
	closing atomic.Bool // nothing new starts; Awaits of tasks end at once
	closed  atomic.Bool // nothing runs any more; set with the queue locked

	// Loop goroutine only.
	batch   list          // taken off ready, runs before it
	patient bool          // suspects have waited for a turn already
	reports []*unseen     // suspects that are being reported
	ending  []func()      // what Close has left to do
	steps   int           // what is left of the turn's budget
	over    time.Duration // when the turn is to end
	cur     *coroutine    // of the task that is running

	settledAwaits uint32        // Awaits of settled promises in this step; others may count, too: see count
	holder        *node         // the step that is running; watchdogs look at it
	idle          []*coroutine  // coroutines without a task
	armed         time.Duration // what WakeAt was last told; negative: nothing
	wokeGo        bool          // goroutines were made runnable since Woke was asked
}

// A Run ends after so many callbacks, or so long on the loop's clock, so that promises which keep settling each other cannot
// keep I/O and timers waiting.
const (
	stepBudget = 1 << 14
	timeBudget = 10 * time.Millisecond
)

// NewQueue returns the queue of the loop that e stands for.
func NewQueue(e Executor) *Queue {
	q := &Queue{
		exec:     e,
		armed:    -1,
		links:    map[*node]struct{}{},
		offloads: offloads{limit: defaultOffloads},
		random:   rand.New(rand.NewPCG(1, 2)),
	}
	q.root.list.q, q.root.list.of = q, &q.root
	q.root.base, q.root.up.c = context.Background(), rootCell{q}
	return q
}

// Seed makes the queue's choices among promises that are settled already repeat those of another queue with the same seed.
func (q *Queue) Seed(seed uint64) {
	q.lock()
	q.random = rand.New(rand.NewPCG(seed, 2))
	q.unlock()
}

// SetHandler makes f receive what nobody else does: rejections that nobody looks at, as *UnhandledError, and panics in posted
// functions and in bare callbacks. It runs on the loop. The default logs with slog, of reports that say the same twenty a second at most. A
// nil f restores it.
func (q *Queue) SetHandler(f func(error)) {
	q.lock()
	q.handler = f
	q.unlock()
}

// Report hands err to the queue's handler. Loop goroutine only.
func (q *Queue) Report(err error) {
	q.lock()
	f := q.handler
	q.unlock()
	if f == nil {
		logged.error("weft: unhandled error", err)
		return
	}
	defer func() {
		if r := recover(); r != nil {
			slog.Error("weft: the handler of unhandled errors panicked", "panic", r, "unhandled", err)
		}
	}()
	f(err)
}

// Post has f run on the loop, after what is queued already. It returns ErrLoopClosed when f will not run: what is posted before is
// run, in Close at the latest. Safe from any goroutine.
func (q *Queue) Post(f func()) error {
	if f == nil {
		panic("promise: Queue.Post: the function is nil")
	}
	p := &posted{q: q, f: f}
	p.node.cb = p
	q.lock()
	defer q.unlock()
	if q.sealed || q.closed.Load() {
		return ErrLoopClosed
	}
	q.push(&p.node)
	return nil
}

type posted struct {
	node node
	q    *Queue
	f    func()
}

func (p *posted) describe() string { return funcName(p.f) }

func (p *posted) run() {
	if err := protect(p.f, nil); err != nil {
		p.q.Report(err)
	}
}

// enqueue puts n on the run queue and wakes the loop; false when the loop is closed.
func (q *Queue) enqueue(n *node) bool {
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return false
	}
	q.push(n)
	q.unlock()
	return true
}

// push is enqueue with q locked.
func (q *Queue) push(n *node) {
	n.place = queued
	q.ready.push(n)
}

// Run runs due timers, the pausers of the last turn and everything on the run queue, also what that adds; it stops early
// when its budget is spent. It returns true when there is more to run: the loop's next poll must then not
// block. Loop goroutine only; to be called again after a callback ended it by a panic or by runtime.Goexit.
func (q *Queue) Run() bool {
	q.begin()
	for q.takeStep() {
		n := q.batch.pop()
		if n == nil {
			if !q.refill() {
				break
			}
			n = q.batch.pop()
		}
		q.holder = n
		n.cb.run()
	}
	q.holder = nil
	q.reportSuspects()
	return q.end()
}

// begin starts a turn: it takes over what is due.
func (q *Queue) begin() {
	q.lock()
	q.rise()
	if q.timers.len() > 0 {
		q.timers.expire(q.exec.Now())
	}
	q.batch.splice(&q.pausers)
	q.unlock()
	q.steps, q.over = stepBudget, q.exec.Now()+timeBudget
}

// takeStep counts a step of the turn. It returns false when the turn's budget is spent.
func (q *Queue) takeStep() bool {
	q.steps--
	return q.steps >= 0 && (q.steps%64 != 0 || q.exec.Now() < q.over)
}

func (q *Queue) refill() bool {
	q.lock()
	q.batch.splice(&q.ready)
	q.unlock()
	return q.batch.first != nil
}

// end finishes a turn: it tells the executor when the next timer is due.
func (q *Queue) end() (more bool) {
	q.lock()
	next := q.timers.next()
	more = q.batch.first != nil || q.ready.first != nil || q.pausers.first != nil
	q.rest(more)
	q.unlock()
	if next != q.armed {
		q.armed = next
		q.exec.WakeAt(next)
	}
	return more
}

// Woke reports whether callbacks made goroutines runnable since it was last asked: a loop that holds a
// processor may then yield to them. Loop goroutine only.
func (q *Queue) Woke() bool {
	w := q.wokeGo
	q.wokeGo = false
	return w
}

// Now is the loop's clock. Safe from any goroutine.
func (q *Queue) Now() time.Duration { return q.exec.Now() }

type queueKey struct{}

// Context returns a context that carries the queue's loop, so that what is started with it lives there.
// Safe from any goroutine.
func (q *Queue) Context(ctx context.Context) context.Context {
	if ctx == nil {
		panic("promise: Queue.Context: the context is nil: use context.Background()")
	}
	if t, _ := tieOf(ctx, q); t != nil && QueueFrom(ctx) == q {
		return ctx // it carries the loop already
	}
	return &loopCtx{Context: ctx, q: q}
}

// ContextNamed is Context for a package that runs its users' functions in tasks of its own: reports call a task that is spawned with
// the context itself by name, as in "handler main.chat". The context has also a value, of a key that may be nil for none.
// Safe from any goroutine.
func (q *Queue) ContextNamed(ctx context.Context, name string, key, value any) context.Context {
	return &loopCtx{Context: ctx, q: q, name: name, key: key, value: value}
}

type loopCtx struct {
	context.Context
	q          *Queue
	name       string // of the tasks spawned with it; empty: their functions'
	key, value any
}

func (c *loopCtx) Value(key any) any {
	switch {
	case key == (queueKey{}):
		return c.q
	case c.key != nil && key == c.key:
		return c.value
	}
	return c.Context.Value(key)
}

func panicNilContext() {
	panic("promise: the context is nil: use the ctx that weftio.Run hands to its main function")
}

// QueueFrom returns the queue of the loop that ctx carries, nil when it carries none.
func QueueFrom(ctx context.Context) *Queue {
	switch c := ctx.(type) {
	case *taskCtx:
		return c.q
	case *loopCtx:
		return c.q
	case *timeoutCtx:
		return c.tie.list.q
	case nil:
		panicNilContext()
	}
	q, _ := ctx.Value(queueKey{}).(*Queue)
	return q
}
