// SPDX-License-Identifier: MIT

package uv

/*
#include "../csrc/src/engine.h"

extern uintptr_t weftEnter(int what, uint64_t id, uintptr_t frame);
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Host is what an adopted loop tells whoever adopted it.
type Host struct {
	// Turn is called in the host's uv_run when there is news, on the host's thread, from a C callback. It calls Deliver, and
	// whatever else there is to run; what it asks of libuv is handed over when it returns. It returns true when there is more
	// to run, which then happens in the same uv_run, whose polls do not block until it returns false. It
	// must not panic nor call runtime.Goexit. nil: Deliver.
	Turn func() (more bool)

	// Detach is called by C code's weft_detach, on the host's thread. It begins what leads to Loop.Detach, or returns an error;
	// closed wants to be called in Closed, with what has not ended. nil: weft_detach is refused.
	Detach func(closed func(left error)) error

	// Closed is called, likewise, when Loop.Detach is through: the last of our handles is closed, and the loop is the host's alone.
	Closed func()

	// Fault is told, on a goroutine of its own, what went wrong in between: ErrStrangeThread, ErrDepth, a panic of the others; or, when
	// Lost finds it, ErrHostClosed, after which none of the others is called. nil ignores it.
	Fault func(err error)
}

var (
	// ErrAdopted is returned by what only whoever runs a loop may do.
	ErrAdopted = errors.New("uv: the loop is adopted, its host runs and closes it: use Detach")

	// ErrStrangeThread says that an adopted loop runs on another thread than the one that adopted it. Nothing of ours is
	// run there.
	ErrStrangeThread = errors.New("uv: an adopted loop is run by another thread than the one that adopted it: nothing of weft's runs there")

	// ErrHostClosed says that the host of an adopted loop has closed handles that are not its own, as it does when it closes all that
	// uv_walk finds. Nothing of ours runs there any more, and what it had in C memory stays.
	ErrHostClosed = errors.New("uv: the host of an adopted loop has closed weft's handles, which are not its own: nothing of weft's runs there any more; detach before, or close your own handles only")

	// ErrDepth says that an adopted loop is run inside a task, or inside a Go function that C has called, unlike before. Tasks cannot be
	// resumed there; what there is to run waits until the loop is run as before.
	ErrDepth = errors.New("uv: an adopted loop is run inside a task, or inside a Go function that C called, and was not before: nothing of weft's runs there")
)

// hosted is what an adopted loop has beside the rest.
type hosted struct {
	Host
	frame   uintptr // of weftEnter, where it was looked at last
	depth   int     // how many Go functions that C has called were on the stack then; 0: nobody has looked
	foreign bool    // the thread is not Go's
	warned  bool    // of the depth
	lost    bool    // on a strange thread: that was said
	id      uint64
	closed  atomic.Bool // by the host: that was said
}

// hosts holds the adopted loops by the ids that C has.
var hosts struct {
	mu   sync.RWMutex
	byID map[uint64]*Loop
}

// Adopt makes a Loop of a uv_loop_t that somebody else has made and runs. id is what CurrentThread returns in Turn. Adopt
// touches nothing of the host's, and nothing is called from its own frame: the first Turn is one of the host's next
// uv_run. It refuses nil, a loop that is adopted already, one of NewLoop's, and one that another copy of libuv has made. Call it on the thread that
// runs the loop, outside uv_run or in a callback.
func Adopt(loop unsafe.Pointer, id uint64, h Host) (*Loop, error) {
	if err := CheckVersion(); err != nil {
		return nil, err
	}
	if err := guard(); err != nil {
		return nil, fmt.Errorf("uv: adopt: the guard of SIGPIPE: %w", err)
	}
	if e := C.weft_guard_install(); e != 0 { // the host has children and watches signals as it likes
		return nil, fmt.Errorf("uv: adopt: the guard of libuv's signals: %w", Errno(e))
	}
	var text [512]byte
	if e := C.weft_host_check((*C.uv_loop_t)(loop), (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text))); e != 0 {
		return nil, fmt.Errorf("uv: adopt: %s: %w", cString(text[:]), Errno(e))
	}
	if ownLoop(loop) {
		return nil, fmt.Errorf("uv: adopt: the loop is one that NewLoop has made, and runs already: %w", EINVAL)
	}
	l := &Loop{host: &hosted{Host: h, id: id}, inC: true, origin: here()}
	hosts.mu.Lock()
	if hosts.byID == nil {
		hosts.byID = map[uint64]*Loop{}
	}
	hosts.byID[id] = l
	hosts.mu.Unlock()
	outside := C.int(0)
	if calls, byGo := cgoCalls(); calls > 0 && !byGo {
		outside = 1
	}
	l.host.foreign = C.weft_thread_foreign(outside) != 0
	e := C.weft_host_open((*C.uv_loop_t)(loop), C.weft_host_enter(C.weftEnter), C.uint64_t(id), outside, &l.ptr)
	if e != 0 {
		forget(id)
		if Errno(e) == EALREADY {
			return nil, fmt.Errorf("uv: adopt: the loop is adopted already; a loop that was detached can be adopted again when that is done: %w", Errno(e))
		}
		return nil, fmt.Errorf("uv: adopt: %w", Errno(e))
	}
	l.shared = C.weft_loop_shared(l.ptr)
	openLoops.add(l)
	return l, nil
}

func forget(id uint64) {
	hosts.mu.Lock()
	delete(hosts.byID, id)
	hosts.mu.Unlock()
}

// weftEnter is where C enters Go, for adopted loops only.
//
//export weftEnter
func weftEnter(what C.int, id C.uint64_t, frame C.uintptr_t) C.uintptr_t {
	hosts.mu.RLock()
	l := hosts.byID[uint64(id)]
	hosts.mu.RUnlock()
	if l == nil {
		return C.WEFT_HOST_DONE
	}
	switch what {
	case C.WEFT_HOST_TURN:
		var here byte
		return l.hostTurn(uint64(id), frame, uintptr(unsafe.Pointer(&here)))
	case C.WEFT_HOST_STRANGE:
		if !l.host.lost {
			l.host.lost = true
			l.host.fault(ErrStrangeThread)
		}
	case C.WEFT_HOST_DETACH:
		return l.host.detach(frame)
	case C.WEFT_HOST_CLOSED:
		l.hostClosed(uint64(id))
	}
	return C.WEFT_HOST_DONE
}

// weftAdopt is what weft_adopt calls.
//
//export weftAdopt
func weftAdopt(loop *C.uv_loop_t, text *C.char, size C.size_t) C.int {
	code, why := adoptForC(unsafe.Pointer(loop))
	if size > 0 {
		room := unsafe.Slice((*byte)(unsafe.Pointer(text)), int(size))
		room[copy(room[:size-1], why)] = 0
	}
	return code
}

// fault tells on a goroutine of its own: the handler is user code, and this thread may be the wrong one for that.
func (h *hosted) fault(err error) {
	if h.Fault != nil {
		go h.Fault(err)
	}
}

// hostTurn runs what there is to run, if this is a place for that: a coroutine can be resumed only where as many Go functions
// called by C are on the stack as when it was made. That is looked at when the stack is not as it was before.
func (l *Loop) hostTurn(id uint64, frame C.uintptr_t, here uintptr) (left C.uintptr_t) {
	h := l.host
	h.lost = false
	if frame != 0 || here != h.frame {
		calls, byGo := cgoCalls()
		if h.depth == 0 && calls != uncounted {
			h.depth = calls
		}
		if calls != h.depth {
			if !h.warned {
				h.warned = true
				h.fault(ErrDepth)
			}
			return C.WEFT_HOST_NESTED
		}
		h.frame = here
		C.weft_thread(C.uint64_t(id))
		if frame != 0 {
			on := C.int(0)
			if byGo {
				on = 1
			}
			C.weft_host_placed(l.ptr, frame, on)
		}
	}
	l.turns++
	l.inC, l.turning = false, true
	defer func() {
		l.inC, l.turning = true, false
		if v := recover(); v != nil {
			h.fault(fmt.Errorf("uv: panic: %v\n\n%s", v, debug.Stack()))
			left = C.WEFT_HOST_MORE
		}
	}()
	if h.Turn == nil {
		l.Deliver()
	} else if h.Turn() {
		return C.WEFT_HOST_MORE
	}
	return C.WEFT_HOST_DONE
}

// uncounted is of a coroutine: its stack does not show what has entered it.
const uncounted = -1

// cgoCalls returns how many Go functions that C has called are on the stack, and whether Go code has called the outermost C.
func cgoCalls() (n int, byGo bool) {
	var few [256]uintptr
	pcs := few[:]
	size := runtime.Callers(1, pcs)
	for ; size == len(pcs); size = runtime.Callers(1, pcs) {
		pcs = make([]uintptr, 2*len(pcs))
	}
	frames := runtime.CallersFrames(pcs[:size])
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.corostart":
			return uncounted, false
		case f.Function == "runtime.cgocallbackg":
			n++
			byGo = false
		case f.Function == "runtime.cgocall" || strings.HasPrefix(f.Function, "runtime.asmcgocall"):
			byGo = true
		}
		if !more {
			return n, byGo
		}
	}
}

// Foreign reports whether the host's thread is one that Go has not made. Safe from any goroutine.
func (l *Loop) Foreign() bool { return l.host != nil && l.host.foreign }

// Deliver calls the Completers of what has happened on an adopted loop. Turn calls it; loop goroutine only, and nowhere else.
func (l *Loop) Deliver() {
	if l.shared != nil {
		l.deliver()
	}
}

// News has the host's uv_run call Turn, without sleeping or returning before. Loop goroutine only.
func (l *Loop) News() {
	if l.shared != nil {
		C.weft_loop_news(l.ptr)
	}
}

// Lost reports whether the host of an adopted loop has closed handles that are not its own, and has Fault told when it finds that
// first. libuv tells nobody: whoever wakes the loop asks. Safe from any goroutine.
func (l *Loop) Lost() bool {
	if l.host == nil {
		return false
	}
	l.mu.Lock()
	lost := l.ptr != 0 && C.weft_host_lost(l.ptr) != 0
	l.mu.Unlock()
	if lost && l.host.closed.CompareAndSwap(false, true) {
		forget(l.host.id)
		openLoops.remove(l)
		l.host.fault(ErrHostClosed)
	}
	return lost
}

// Detach gives an adopted loop back: it returns EBUSY, and does nothing, while handles or requests made here are left, and else
// has Closed called in a later turn. In Turn only.
func (l *Loop) Detach() error {
	switch {
	case l.shared == nil:
		return ErrClosed
	case l.host == nil:
		return errors.New("uv: Detach: the loop is not adopted: use Close")
	case l.Pending():
		return EBUSY
	}
	return result(C.weft_host_close(l.ptr))
}

// hostClosed frees what is ours.
func (l *Loop) hostClosed(id uint64) {
	forget(id)
	openLoops.remove(l)
	l.mu.Lock()
	ptr := l.ptr
	l.shared, l.ptr = nil, 0
	l.pool.close()
	l.mu.Unlock()
	C.weft_host_free(ptr)
	defer func() {
		if v := recover(); v != nil {
			l.host.fault(fmt.Errorf("uv: panic: %v\n\n%s", v, debug.Stack()))
		}
	}()
	if l.host.Closed != nil {
		l.host.Closed()
	}
}
