// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// Process is a child of this process.
type Process struct {
	Handle
	pid int
}

// ProcessFlags say how a child is started.
type ProcessFlags uint32

// The flags of ProcessOptions. Those of Windows mean nothing elsewhere.
const (
	ProcessSetUID                   ProcessFlags = C.UV_PROCESS_SETUID   // as the user UID, without supplementary groups; ENOTSUP on Windows
	ProcessSetGID                   ProcessFlags = C.UV_PROCESS_SETGID   // as the group GID
	ProcessDetached                 ProcessFlags = C.UV_PROCESS_DETACHED // in a session of its own: it may outlive this one; Unref it, or the loop waits
	ProcessWindowsVerbatimArguments ProcessFlags = C.UV_PROCESS_WINDOWS_VERBATIM_ARGUMENTS
	ProcessWindowsHide              ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE
	ProcessWindowsHideConsole       ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE_CONSOLE
	ProcessWindowsHideGUI           ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE_GUI
	ProcessWindowsFilePathExactName ProcessFlags = C.WEFT_PROCESS_EXACT_NAME // ENOTSUP there before libuv 1.48
)

// ProcessOptions say what to start.
type ProcessOptions struct {
	File  string   // the program; looked for in PATH, of Env, when it has no slash
	Args  []string // its arguments, the first of which is the program's own name; nil: File alone
	Env   []string // its environment, as in "KEY=value"; nil: os.Environ
	Dir   string   // where it starts; empty: here
	Flags ProcessFlags
	Stdio []Stdio // its descriptors, from 0 on. The first three are /dev/null where there is none, the others closed
	UID   uint32  // with ProcessSetUID
	GID   uint32  // with ProcessSetGID
}

// Spawn starts a program and has c, which may be nil, told, once, when it has ended: its exit status is Event.Value, and Event.TermSignal the signal
// that has ended it, if one has. It returns when the program has been loaded, or the error why it was not; then nothing is left
// but the pipes of CreatePipe, which are the caller's to close. When the reason is Dir, the error is a *fs.PathError that names it.
//
// The end of a child and the end of what it writes come in any order, and its own children may hold the pipe for long: whoever
// wants all output waits for both. The handle is closed by the caller. One that is closed before the end forgets the child,
// which runs on, and is waited for when it ends: it does not stay as a zombie. os/exec works beside it. After os/signal's
// Ignore of SIGCHLD nobody hears of the end of children, also when Notify follows, until the next Spawn; of those that have ended
// while it was ignored, never. Loop goroutine only. Binds uv_spawn.
func Spawn(l *Loop, o ProcessOptions, c Completer) (*Process, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	if err := guard(); err != nil {
		return nil, err
	}
	l.flush() // a pipe may be among the handles that it closes
	args, env := o.Args, o.Env
	if args == nil {
		args = []string{o.File}
	}
	if env == nil {
		env = os.Environ() // C's own may be changed meanwhile
	}
	block, err := spawnStrings(&o, args, env)
	if err != nil {
		return nil, err
	}
	stdio, err := stdioOf(l, o.Stdio)
	if err != nil {
		return nil, err
	}
	options := C.weft_spawn_options{flags: C.uint32_t(o.Flags), nargs: C.uint32_t(len(args)), nenv: C.uint32_t(len(env)),
		nstdio: C.uint32_t(len(stdio)), uid: C.uint32_t(o.UID), gid: C.uint32_t(o.GID)}
	p := &Process{}
	p.l = l
	if isNil(c) {
		c = nil // nobody hears
	}
	p.token = l.slots.add(c, true)
	var ptr C.uintptr_t
	lockFork()
	e := C.weft_spawn(l.ptr, &options, (*C.char)(unsafe.Pointer(unsafe.StringData(block))), unsafe.SliceData(stdio),
		C.uint64_t(p.token), &ptr)
	unlockFork()
	if e != 0 {
		l.slots.remove(p.token)
		return nil, spawnError(Errno(e), o.Dir)
	}
	p.open(l, ptr, nil)
	p.pid = int(C.weft_process_pid(ptr))
	return p, nil
}

// spawnError is the error of a child that did not start. The system says the same of the program and of the folder; the folder comes
// first.
func spawnError(err Errno, dir string) error {
	if dir == "" {
		return err
	}
	var cause *fs.PathError
	folder, serr := os.Stat(dir)
	missing := errors.As(serr, &cause) && errors.Is(err, cause.Err)
	if missing || serr == nil && !folder.IsDir() && err == ENOTDIR {
		return &fs.PathError{Op: "chdir", Path: dir, Err: err}
	}
	return err
}

// spawnStrings returns the strings of a child as C wants them.
func spawnStrings(o *ProcessOptions, args, env []string) (string, error) {
	if o.File == "" || len(args) == 0 {
		return "", EINVAL
	}
	var b strings.Builder
	for _, list := range [][]string{{o.File, o.Dir}, args, env} {
		for _, s := range list {
			if strings.IndexByte(s, 0) >= 0 {
				return "", EINVAL
			}
			b.WriteString(s)
			b.WriteByte(0)
		}
	}
	return b.String(), nil
}

// Pid returns the child's number. It may be another's when the child has ended. Binds uv_process_get_pid.
func (p *Process) Pid() int { return p.pid }

// Kill sends the child a signal, ESRCH when the loop has noticed its end. On Windows SIGTERM, SIGKILL and SIGINT all end it at
// once, SIGQUIT too since libuv 1.45 (ENOSYS before), and 0 asks whether it is there. Loop goroutine only. Binds uv_process_kill.
func (p *Process) Kill(sig syscall.Signal) error {
	if !p.isOpen() {
		return ErrClosed
	}
	return result(C.weft_process_kill(p.ptr, C.int(sig)))
}

// TermSignal returns the signal that has ended the child of a Spawn; 0: none has.
func (ev Event) TermSignal() syscall.Signal { return syscall.Signal(ev.aux) }

// Kill sends a signal to any process, also to one whose number is a child's no more: Process.Kill does not. Safe from any
// goroutine. Binds uv_kill.
func Kill(pid int, sig syscall.Signal) error { return result(C.weft_kill(C.int(pid), C.int(sig))) }

// DisableStdioInheritance keeps children from inheriting the descriptors that this process has inherited: call it early in main. What Go
// and libuv open is never inherited unless Stdio says so. Safe from any goroutine. Binds uv_disable_stdio_inheritance.
func DisableStdioInheritance() { C.weft_disable_stdio_inheritance() }
