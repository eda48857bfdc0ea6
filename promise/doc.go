// SPDX-License-Identifier: MIT

// Package promise is Lwt's promises for Go: values that arrive later, what waits for them, and how to call that off. It is
// pure Go and does no I/O; package io puts it on a libuv loop, promisetest on a loop driven by hand.
//
//	weftio.Run(ctx, func(ctx context.Context) error {
//		hello := promise.Map(weftio.Sleep(ctx, time.Second), func(promise.Unit) (string, error) {
//			return "hello", nil
//		})
//		late := promise.Map(weftio.Sleep(ctx, time.Minute), func(promise.Unit) (string, error) {
//			return "late", nil
//		})
//		word, err := promise.Pick(hello, late).Await(ctx) // the minute's timer is stopped
//		fmt.Println(word)
//		return err
//	})
//
// # Promises and tasks
//
// A [Promise] is pending, and then fulfilled with a value or rejected with an error, once and for good. [New] makes one with its
// [Resolver]; operations of package io make most. There are two ways to go on from one:
//
//   - callbacks: [Bind], [Map], [Then], [Promise.Catch], [Promise.Finally] return a new promise for what comes of it;
//     [Promise.OnSettle] is for a mere effect;
//   - tasks: [Spawn] and [Go] run ordinary Go code in which [Promise.Await] waits.
//
// The two mix freely: a task awaits what callbacks make, and a task's result is a promise.
//
// # Several at a time
//
//	                    settles when             and then
//	All, Join, Both     all have settled         the values; the first error in time
//	AllSettled          all have settled         every outcome
//	AllFailFast         the first is rejected    its error, and the others are cancelled; else as All
//	Any                 the first is fulfilled   its value; when all are rejected, all errors
//	Choose              the first has settled    its outcome; the others go on
//	Pick                the first has settled    its outcome, and the others are cancelled
//	NChoose, NPick,     the first has settled    the values that are there; ChooseSplit: and the promises
//	ChooseSplit                                  that are pending
//
// [JoinMixed] takes promises of any types. [WithTimeout], [WithContext] and [Promise.Cancel] end promises early.
//
// # Who runs what
//
// Each loop runs callbacks and tasks on one thread, one at a time, from one FIFO queue. A callback never runs inside the call
// that attaches it or that settles its promise. So code of one loop needs no locks against itself, and
// sees the same order every time. Everything here may be called from any goroutine all the same: it is the callback that runs
// on the promise's loop.
//
// A turn of the loop runs the timers that are due, the [Pause] promises of the turn before, and then callbacks and tasks until
// none is left, but at most some 16,000 of them or 10 ms: promises that keep settling each other do not keep I/O and timers
// waiting, nor do these keep promises waiting. A chain of any length settles without recursion. A task that awaits only promises
// that have settled lets the others run after 128 of them: see [Promise.Await].
//
// Only functions of users are queued. A combinator, a shield, a timeout settles in the same moment as the input that decides
// it, and cancels the losers in that moment: no value can come between and be lost.
//
// A promise lives on the loop of the ctx it was started with; one derived from it on the same. One derived from promises of
// several loops lives on that of the first that is pending. Those that [Resolved] and
// [Rejected] make live on none: their callbacks join the loop whose code attaches them, and run at once off any loop.
//
// # Cancellation
//
// Cancel looks backwards for the promises that something started, rejects those with [ErrCanceled] and stops the operations
// behind them; the rejection then spreads forward like any other. The end of a ctx does the same to what was started
// with it. [Promise.Protected], [Promise.NoCancel] and [Promise.Cancelable] stop or force a search.
//
// A callback whose input has settled runs, whatever is cancelled: so an open connection, for example, always reaches the
// function that closes it. A search that meets such a callback goes on once that has run: to the promise that it returned.
// These two rules hold within a loop. Between loops a value may be settled while the news of a cancellation is on its way: the
// promise has it then, but not what was derived on the other loop. WithTimeout and WithContext look before they give up.
//
// # Errors
//
// A panic in a callback or task is a rejection with a [*PanicError], runtime.Goexit one with [ErrGoexit]. What is pending when a
// loop closes reads as rejected with [ErrLoopClosed].
//
// A rejection that nobody looks at is reported once to the loop's handler, as an [*UnhandledError] that says where it happened,
// and in debug mode ([SetDebug]) where the promise was made.
//
// # Pitfalls
//
// A task holds its loop's thread until it awaits: never hold a sync.Mutex across an Await, nor wait on a channel that another
// task of the loop would feed; [Offload] what blocks. An Await in a bare callback returns [ErrWouldDeadlock].
//
// What is derived from a promise that lives long is held by it until one of them settles or is cancelled. In a loop that races
// such a promise, derive from its [Promise.Protected]: Pick then lets go of all of it.
//
// # For readers who come from Lwt
//
//	Lwt                                   here
//	'a t, 'a u                            *Promise[T], *Resolver[T]
//	task                                  New
//	wait                                  New, and NoCancel of its promise
//	wakeup_later, _exn, _result           Resolver.Resolve, Reject, Settle
//	wakeup, wakeup_exn, wakeup_result     the same: callbacks are always deferred
//	return, fail, of_result               Resolved, Rejected, From
//	return_unit, return_none,             Resolved(Unit{}), Resolved(v)
//	return_nil, return_true, return_false
//	return_some, return_ok, return_error  Resolved(v), From(v, err)
//	fail_with, fail_invalid_arg           Rejected(errors.New(...))
//	state, is_sleeping, poll              Promise.State, Promise.Poll
//	debug_state_is                        Promise.Poll in a test
//	bind, >>=, =<<, let*                  Bind; in a task, Await
//	map, >|=, =|<, let+                   Map
//	catch, try_bind, finalize             Promise.Catch, Then, Promise.Finally
//	reraise                               an error keeps its cause; a *PanicError its stack
//	on_success, on_failure,               Promise.OnSettle
//	on_termination, on_any
//	wrap, wrap1 ... wrap7, apply          Map or Bind on Resolved(v): panics are caught
//	backtrace_bind and its like           SetDebug
//	async                                 Go
//	dont_wait                             Go(...).Catch(handler)
//	async_exception_hook                  Queue.SetHandler, weftio.OnError
//	ignore_result                         Go
//	both, and*, and+                      Both
//	join, <&>                             Join, JoinMixed
//	all                                   All
//	choose, <?>                           Choose
//	pick                                  Pick
//	nchoose, npick, nchoose_split         NChoose, NPick, ChooseSplit
//	(none)                                AllSettled, AllFailFast, Any
//	Canceled, cancel, on_cancel           ErrCanceled, Promise.Cancel, Promise.OnCancel
//	protected, no_cancel,                 Promise.Protected, Promise.NoCancel,
//	wrap_in_cancelable                    Promise.Cancelable
//	add_task_r, add_task_l                not needed: a slice of Resolvers; a cancelled one's Resolve returns false
//	pause                                 Pause
//	wakeup_paused, paused_count,          the loop's business: Queue.Run
//	register_pause_notifier,
//	abandon_paused, abandon_wakeups       not needed: Queue.Close lets everybody go
//	key, new_key, get, with_value,        context.WithValue
//	Private, storage functions
//	tracing_context, with_tracing_context context.WithValue too; SetDebug tells where promises were made
//	Exception_filter                      not needed: Go's fatal errors are not panics
//	Infix, Let_syntax, Open_on_rhs,       not needed: tasks read in order
//	Syntax
//	Lwt_unix.sleep, with_timeout          Sleep, WithTimeout
//	Lwt_preemptive.detach, run_in_main    Offload, OnLoop
//	Lwt_preemptive.set_bounds             Queue.SetOffloadLimit, weftio.OffloadLimit
//	Lwt_direct.spawn, await               Spawn, Promise.Await
package promise
