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
//   - tasks: [Spawn] and [Go] run ordinary Go code in which [Promise.Await] waits.
//
// [All], [Choose] and [Pick] combine promises; [WithTimeout], [WithContext] and [Promise.Cancel] end them early.
//
// # Who runs what
//
// Each loop runs callbacks and tasks on one thread, one at a time, from one FIFO queue. A callback never runs inside the call
// that attaches it or that settles its promise. So code of one loop needs no locks against itself, and
// sees the same order every time. Everything here may be called from any goroutine all the same: it is the callback that runs
// on the promise's loop.
//
// A promise lives on the loop of the ctx it was started with; one derived from it on the same. Those that [Resolved] and
// [Rejected] make live on none: their callbacks join the loop whose code attaches them, and run at once off any loop.
//
// # Cancellation
//
// Cancel looks backwards for the promises that something started, rejects those with [ErrCanceled] and stops the operations
// behind them; the rejection then spreads forward like any other. The end of a ctx does the same to what was started
// with it. [Promise.Protected], [Promise.NoCancel] and [Promise.Cancelable] stop or force a search.
//
// # Errors
//
// A panic in a callback or task is a rejection with a [*PanicError], runtime.Goexit one with [ErrGoexit]. What [Go]'s function
// returns and nobody looks at goes to the loop's handler. What is pending when a loop closes reads as rejected with
// [ErrLoopClosed].
//
// # Pitfalls
//
// A task holds its loop's thread until it awaits: never hold a sync.Mutex across an Await, nor wait on a channel that another
// task of the loop would feed; [Offload] what blocks. An Await in a bare callback returns [ErrWouldDeadlock].
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
//	return_unit and its like              Resolved(v)
//	fail_with, fail_invalid_arg           Rejected(errors.New(...))
//	state, is_sleeping, poll              Promise.State, Promise.Poll
//	bind, >>=, let*                       Bind; in a task, Await
//	map, >|=, let+                        Map
//	catch, try_bind, finalize             Promise.Catch, Then, Promise.Finally
//	reraise                               an error keeps its cause; a *PanicError its stack
//	on_success, on_failure,               Promise.OnSettle
//	on_termination, on_any
//	wrap, wrap1 ... wrap7, apply          Map or Bind on Resolved(v): panics are caught
//	async, dont_wait                      Go; its promise's Catch
//	async_exception_hook                  Queue.SetHandler, weftio.OnError
//	ignore_result                         Go
//	all, choose, pick                     All, Choose, Pick
//	both, join, nchoose, npick,           not yet; All and Choose serve meanwhile
//	nchoose_split
//	Canceled, cancel, on_cancel           ErrCanceled, Promise.Cancel, Promise.OnCancel
//	protected, no_cancel,                 Promise.Protected, Promise.NoCancel,
//	wrap_in_cancelable                    Promise.Cancelable
//	add_task_r, add_task_l                not needed: a slice of Resolvers
//	pause                                 Pause
//	wakeup_paused, paused_count,          the loop's business: Queue.Run
//	register_pause_notifier,
//	abandon_paused, abandon_wakeups
//	key, new_key, get, with_value         context.WithValue
//	tracing contexts                      not yet
//	Exception_filter                      not needed: Go's fatal errors are not panics
//	Infix, Let_syntax, Syntax             not needed: tasks read in order
//	Lwt_unix.sleep, with_timeout          Sleep, WithTimeout
//	Lwt_preemptive.detach                 Offload
//	Lwt_direct.spawn, await               Spawn, Promise.Await
package promise
