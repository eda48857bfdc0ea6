// SPDX-License-Identifier: MIT

package uv

/*
#cgo weft_system pkg-config: weft
#include "../csrc/src/engine.h"

// noescape is without effect where nocallback does not stand beside it.
#cgo noescape weft_loop_new
#cgo nocallback weft_loop_new
#cgo noescape weft_error_text
#cgo nocallback weft_error_text
#cgo noescape weft_error_name
#cgo nocallback weft_error_name
#cgo noescape weft_stream_try_write
#cgo nocallback weft_stream_try_write
#cgo noescape weft_stream_write
#cgo nocallback weft_stream_write
#cgo noescape weft_pipe_name
#cgo nocallback weft_pipe_name
#cgo noescape weft_tcp_bind
#cgo nocallback weft_tcp_bind
#cgo noescape weft_tcp_connect
#cgo nocallback weft_tcp_connect
#cgo noescape weft_tcp_sockname
#cgo nocallback weft_tcp_sockname
#cgo noescape weft_tcp_peername
#cgo nocallback weft_tcp_peername
#cgo noescape weft_hook_new
#cgo noescape weft_poll_new
#cgo noescape weft_tty_new
#cgo noescape weft_tty_winsize
#cgo nocallback weft_hook_new
#cgo noescape weft_udp_new
#cgo nocallback weft_udp_new
#cgo noescape weft_udp_bind
#cgo nocallback weft_udp_bind
#cgo noescape weft_udp_connect
#cgo nocallback weft_udp_connect
#cgo noescape weft_udp_sockname
#cgo nocallback weft_udp_sockname
#cgo noescape weft_udp_peername
#cgo nocallback weft_udp_peername
#cgo noescape weft_udp_membership
#cgo nocallback weft_udp_membership
#cgo noescape weft_udp_multicast_interface
#cgo nocallback weft_udp_multicast_interface
#cgo nocallback weft_udp_try_send
#cgo noescape weft_pipe_new
#cgo nocallback weft_pipe_new
#cgo noescape weft_tcp_new
#cgo nocallback weft_tcp_new
#cgo noescape weft_async_new
#cgo nocallback weft_async_new
#cgo noescape weft_timer_new
#cgo nocallback weft_timer_new
#cgo nocallback weft_thread
#cgo nocallback weft_thread_number
#cgo nocallback weft_async_send
*/
import "C"

import (
	"errors"
	"sync"
	"time"
	"unsafe"

	_ "github.com/weft-go/weft/csrc" // the sources are build inputs
)

// RunMode says how long Turn and Run go on.
type RunMode int

// The modes of uv_run.
const (
	RunDefault RunMode = C.UV_RUN_DEFAULT
	RunOnce    RunMode = C.UV_RUN_ONCE
	RunNoWait  RunMode = C.UV_RUN_NOWAIT
)

var errTurnDefault = errors.New("uv: Turn is one turn, RunOnce or RunNoWait: use Run(RunDefault)")

var errNested = errors.New("uv: Turn called from a Completer, which Turn has called: return to it instead")

// Loop is a libuv loop. NewLoop makes one.
type Loop struct {
	// OnPoll, when not nil, is called by Turn after uv_run has returned and before the first Completer.
	OnPoll func()

	// OnRelease, when not nil, is called by Turn when the last hold of a loop has been released. It is not, on an adopted loop.
	OnRelease func()

	ptr     C.uintptr_t
	shared  *C.weft_shared
	slots   slots
	turning bool
	asked   bool    // in this drain, the Completer of a request has asked for more
	inC     bool    // inside uv_run: who submits is Go code that a C callback has called
	turns   uint32  // Turns begun
	host    *hosted // nil: whoever calls Turn runs the loop
	stopped bool    // Stop was called, and what that ends has not ended

	origin *origin                 // where it was made, in debug mode
	made   map[C.uintptr_t]*origin // where the handles were made, in debug mode

	mu     sync.Mutex // guards the end of ptr, against Stats
	pool   pool
	tokens cTokens // what C code has to settle
}

// Event is what a Completer is told.
type Event struct {
	Status Errno  // 0 or negative
	Value  int64  // bytes written; else 0
	Data   []byte // bytes read: C memory, valid until Complete returns
	Queued bool   // of a Send: Value bytes have to wait, and another event says when they have left

	kind int16          // the record's
	aux  int16          // the record's
	raw  unsafe.Pointer // C memory of the record, for the Completer of a kind that knows it
}

// Completer is told that something has happened. Complete is called by Turn, on the loop's goroutine. An operation returns EINVAL
// for a nil one, unless it says that it may be nil.
type Completer interface{ Complete(ev Event) }

// CompleterFunc is a function as a Completer. A nil one is a nil Completer.
type CompleterFunc func(ev Event)

// Complete calls f.
func (f CompleterFunc) Complete(ev Event) { f(ev) }

// isNil reports whether nobody could be told. What needs a Completer returns EINVAL then: the mistake is here, not in the Turn
// that would call it.
func isNil(c Completer) bool {
	if f, ok := c.(CompleterFunc); ok {
		return f == nil
	}
	return c == nil
}

// NewLoop returns a new loop, for the calling goroutine, which should be locked to its thread. It installs what
// keeps SIGPIPE from killing the process, where there is nothing. On Unix, descriptors 0, 1 and 2 become /dev/null where they are
// not open: libuv would abort when it had got one and closed it. A libuv that this program was not built for is a *VersionError.
// Binds uv_loop_init.
func NewLoop() (*Loop, error) {
	if err := CheckVersion(); err != nil {
		return nil, err
	}
	if err := guard(); err != nil {
		return nil, err
	}
	l := &Loop{origin: here()}
	var e C.int
	withoutRing(VersionNumber(), func() { e = C.weft_loop_new(&l.ptr) })
	if e != 0 {
		return nil, Errno(e)
	}
	l.shared = C.weft_loop_shared(l.ptr)
	openLoops.add(l)
	return l, nil
}

// Turn hands libuv what was asked of it since the last turn, runs it once, with RunOnce or RunNoWait, and calls the Completers of what
// has happened; it returns how many. With RunOnce it blocks only when nothing has happened yet. Who hears that a request has ended and asks
// for another one has that handed over in the same turn, up to eight times. A panic of a Completer leaves the rest to the
// next turn. Loop goroutine only. Binds uv_run.
func (l *Loop) Turn(mode RunMode) (events int, err error) {
	switch {
	case l.shared == nil:
		return 0, ErrClosed
	case l.host != nil:
		return 0, ErrAdopted
	case l.turning:
		return 0, errNested
	case mode == RunDefault: // which would not come back to deliver anything
		return 0, errTurnDefault
	case l.stopped:
		l.stopped = false
		return 0, nil
	}
	l.turns++
	l.turning, l.inC = true, true
	defer func() { l.turning, l.inC = false, false }()
	C.weft_turn(l.ptr, C.int(mode))
	l.inC = false
	if l.OnPoll != nil {
		l.OnPoll()
	}
	l.drain()
	for round := 0; l.asked && round < rounds && l.shared.full == 0; round++ {
		C.weft_loop_submit(l.ptr)
		l.drain()
	}
	return int(l.shared.drained), nil
}

// rounds is how often in a turn those who heard that their write has left get their next one served, without a poll in between: a
// single connection would have one for each write. It is libuv's number for its callbacks. When more can be read than the turn
// has room for, there are none: who writes and reads on one loop would fill the system's buffers.
const rounds = 8

// deliver calls the Completers of what has happened.
func (l *Loop) deliver() {
	l.drain()
	for round := 0; l.asked && round < rounds; round++ {
		C.weft_loop_submit(l.ptr)
		l.drain()
	}
}

// drain calls the Completers of the records that the turn has left.
func (l *Loop) drain() {
	l.asked = false
	for n := l.shared.count; l.shared.drained < n; {
		// A copy: a Completer may have C append a record, for which the array moves.
		r := *(*C.weft_record)(unsafe.Add(unsafe.Pointer(l.shared.records), uintptr(l.shared.drained)*C.sizeof_weft_record))
		l.shared.drained++
		if r.kind == C.WEFT_VALUE {
			l.drainValue(r)
			continue
		}
		c, request := l.slots.take(uint64(r.token))
		if c == nil {
			l.unclaimed(r)
			continue
		}
		ev := Event{Status: Errno(r.status), Value: int64(r.value), kind: int16(r.kind), aux: int16(r.aux), raw: r.data}
		switch r.kind {
		case C.WEFT_DATA:
			ev.Data = unsafe.Slice((*byte)(r.data), r.value)
		case C.WEFT_FROM:
			ev.Data = unsafe.Slice((*byte)(unsafe.Add(r.data, C.sizeof_weft_addr)), r.value)
		case C.WEFT_QUEUED:
			ev.Queued = true
		}
		subs := l.shared.nsubs
		c.Complete(ev)
		if request && l.shared.nsubs > subs {
			l.asked = true
		}
	}
}

// unclaimed frees what the record of a stale token carries: a listener that is closed leaves its last connections behind.
func (l *Loop) unclaimed(r C.weft_record) {
	switch r.kind {
	case C.WEFT_ADDRS:
		C.weft_addrs_free(l.ptr, r.data, C.uint64_t(r.value))
	case C.WEFT_CONN:
		l.closeOrphan(C.uintptr_t(r.value))
	}
}

// Run turns the loop: once, or with RunDefault until nothing is alive. Loop goroutine only. Binds uv_run.
func (l *Loop) Run(mode RunMode) error {
	if mode != RunDefault {
		_, err := l.Turn(mode)
		return err
	}
	switch {
	case l.shared == nil:
		return ErrClosed
	case l.host != nil:
		return ErrAdopted
	}
	for !l.stopped && (l.Pending() || l.shared.alive != 0 || l.Alive()) { // to ask takes a call
		if _, err := l.Turn(RunOnce); err != nil {
			return err
		}
	}
	l.stopped = false
	return nil
}

// Stop has Run return after the turn that is under way; without one, the next Run or Turn returns at once. Loop goroutine
// only. Binds uv_stop.
func (l *Loop) Stop() {
	if l.shared == nil || l.host != nil {
		return // its host's uv_run is not ours to stop
	}
	l.stopped = true
	if l.inC {
		C.weft_loop_stop(l.ptr) // this turn's poll may be still to come
	}
}

// LoopOption is something that Configure turns on.
type LoopOption int

// The options of a loop.
const (
	BlockSIGPROF    LoopOption = C.WEFT_BLOCK_SIGPROF   // while the loop waits: profilers do not wake it
	MetricsIdleTime LoopOption = C.WEFT_IDLE_TIME       // IdleTime works; before the loop first runs
	IOUringSQPOLL   LoopOption = C.WEFT_IO_URING_SQPOLL // files by io_uring; ENOTSUP before libuv 1.49
)

// Configure turns an option on, before the loop first runs. Loop goroutine only. Binds uv_loop_configure.
func (l *Loop) Configure(o LoopOption) error {
	if l.shared == nil {
		return ErrClosed
	}
	return result(C.weft_loop_configure(l.ptr, C.int(o)))
}

// BackendFd returns the file descriptor that is readable when the loop has something to do, for those who embed it in
// another: they run Turn(RunNoWait) then, and after BackendTimeout. ENOTSUP on Windows. Loop goroutine only. Binds
// uv_backend_fd.
func (l *Loop) BackendFd() (uintptr, error) {
	if l.shared == nil {
		return 0, ErrClosed
	}
	fd := C.weft_loop_backend_fd(l.ptr)
	if fd < 0 {
		return 0, ENOTSUP
	}
	return uintptr(fd), nil
}

// BackendTimeout returns how long the next turn's poll would wait at most, negative for without end; 0 while libuv has
// file descriptors that the next turn begins to watch. Loop goroutine only.
// Binds uv_backend_timeout.
func (l *Loop) BackendTimeout() time.Duration {
	if l.shared == nil {
		return 0
	}
	l.flush()
	if l.stopped || l.Pending() {
		return 0
	}
	return time.Duration(C.weft_loop_backend_timeout(l.ptr)) * time.Millisecond
}

// flush hands libuv what was asked of it, for what has to find it done.
func (l *Loop) flush() {
	if l.shared.nsubs > 0 {
		C.weft_loop_submit(l.ptr)
	}
}

// Pending reports whether something was asked of libuv that the next turn hands over, or has happened and is not delivered.
// Loop goroutine only.
func (l *Loop) Pending() bool {
	return l.shared != nil && (l.shared.nsubs > 0 || l.shared.count > l.shared.drained)
}

// Alive reports whether active and referenced handles, or requests, or closing handles are left, or an event that is not
// delivered: whether there is reason for another turn. Loop goroutine only. Binds uv_loop_alive.
func (l *Loop) Alive() bool {
	if l.shared == nil {
		return false
	}
	l.flush()
	return l.Pending() || C.weft_loop_alive(l.ptr) != 0
}

// Now returns the loop's time, in whole milliseconds, as of the last turn or UpdateTime; 0 once it is closed. Loop goroutine
// only. Binds uv_now.
func (l *Loop) Now() time.Duration {
	if l.shared == nil {
		return 0
	}
	return time.Duration(l.shared.now) * time.Millisecond
}

// UpdateTime reads the clock. Loop goroutine only. Binds uv_update_time.
func (l *Loop) UpdateTime() {
	if l.shared != nil {
		C.weft_loop_update_time(l.ptr)
	}
}

// Pointer returns the uv_loop_t, for C code, nil once the loop is closed. Use it on the loop's goroutine, until Close.
func (l *Loop) Pointer() unsafe.Pointer {
	if l.shared == nil {
		return nil
	}
	return unsafe.Pointer(C.weft_uv_loop((*C.weft_loop)(unsafe.Pointer(l.shared))))
}

// isOwn reports whether this is the uv_loop_t of a loop that was made here. Safe from any goroutine.
func (l *Loop) isOwn(loop unsafe.Pointer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shared != nil && l.host == nil && l.Pointer() == loop
}

// Stats counts what a loop holds.
type Stats struct {
	Handles  int   // handles made and not yet closed
	Requests int   // requests that libuv has
	Tokens   int   // Completers that may still be called
	Bytes    int64 // C memory of all kinds
}

// Stats returns what the loop holds: nothing, once it is closed. Safe from any goroutine; while the loop runs it is an
// estimate.
func (l *Loop) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Tokens: int(l.slots.used.Load()) + l.tokens.count(), Bytes: l.pool.bytes()}
	if l.shared != nil {
		s.Handles, s.Requests = int(l.shared.handles), int(l.shared.requests)
		s.Bytes += int64(l.shared.bytes)
	}
	return s
}

// Close frees the loop. It returns EBUSY, and does nothing, while handles or requests are left, those of C libraries included,
// or events are undelivered: close them, and turn the loop until they are gone. Tokens that are open end, see CloseInbox. A second Close does nothing. Loop goroutine
// only. Binds uv_loop_close.
func (l *Loop) Close() error {
	switch {
	case l.shared == nil:
		return nil
	case l.host != nil:
		return ErrAdopted
	case l.turning:
		return errNested
	}
	if l.Pending() {
		return EBUSY
	}
	if C.weft_loop_busy(l.ptr) != 0 {
		return EBUSY
	}
	if l.CloseInbox(); l.Pending() {
		return EBUSY
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := C.weft_loop_close(l.ptr); e != 0 {
		return Errno(e)
	}
	l.shared, l.ptr = nil, 0
	l.pool.close()
	openLoops.remove(l)
	return nil
}

// keep copies p into memory that the next turn gives back, and returns where it lies there. The next submission has to be the
// one that uses it: that may be when the memory is given back.
func (l *Loop) keep(p []byte) (at C.uintptr_t, err error) {
	s := l.shared
	if uint64(len(p)) > uint64(s.arena_cap-s.arena_used) {
		if e := C.weft_arena_grow(l.ptr, C.uint64_t(len(p))); e != 0 {
			return 0, Errno(e)
		}
	}
	at = C.uintptr_t(s.arena_used)
	copy(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(s.arena), uintptr(at))), len(p)), p)
	s.arena_used += C.uint64_t(len(p))
	return at, nil
}

// submitMost is how many submissions wait for the next turn. More are made in between: those that lie in the processor's cache
// cost less.
const submitMost = 256

// submit asks libuv for something, by the next turn.
func (l *Loop) submit(s C.weft_sub) error {
	if l.shared.nsubs == l.shared.subs_cap {
		if e := C.weft_subs_grow(l.ptr); e != 0 {
			return Errno(e)
		}
	}
	*(*C.weft_sub)(unsafe.Add(unsafe.Pointer(l.shared.subs), uintptr(l.shared.nsubs)*C.sizeof_weft_sub)) = s
	l.shared.nsubs++
	switch {
	case l.inC:
		C.weft_loop_news(l.ptr) // the poll of this turn may be still to come
	case l.shared.nsubs >= submitMost:
		C.weft_loop_submit(l.ptr)
	}
	return nil
}
