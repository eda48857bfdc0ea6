// SPDX-License-Identifier: MIT

package facts

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

// explode is looked for in stacks.
//
//go:noinline
func explode() { panic(errTest) }

// looks are the ways to look at a promise, so that its rejection is nobody else's business.
var looks = map[string]func(ctx context.Context, p *ints){
	"poll": func(_ context.Context, p *ints) { p.Poll() },
	"await": func(ctx context.Context, p *ints) {
		promise.Go(ctx, func(ctx context.Context) error { _ = p.Wait(ctx); return nil })
	},
	"done":        func(_ context.Context, p *ints) { p.Done() },
	"callback":    func(_ context.Context, p *ints) { p.OnSettle(func(int, error) {}) },
	"catch":       func(_ context.Context, p *ints) { p.Catch(func(error) *ints { return promise.Resolved(1) }) },
	"all settled": func(_ context.Context, p *ints) { promise.AllSettled(p) },
	"then": func(_ context.Context, p *ints) {
		promise.Then(p, promise.Resolved[int], func(error) *ints { return promise.Resolved(1) })
	},
}

// derived are promises whose rejection is that of their input, which so is looked at.
var derived = map[string]func(ctx context.Context, p *ints) promise.Awaitable{
	"nothing":      func(_ context.Context, p *ints) promise.Awaitable { return p },
	"map":          func(_ context.Context, p *ints) promise.Awaitable { return promise.Map(p, double) },
	"all":          func(_ context.Context, p *ints) promise.Awaitable { return promise.All(p) },
	"choose":       func(_ context.Context, p *ints) promise.Awaitable { return promise.Choose(p) },
	"protected":    func(_ context.Context, p *ints) promise.Awaitable { return p.Protected() },
	"no cancel":    func(_ context.Context, p *ints) promise.Awaitable { return p.NoCancel() },
	"with timeout": func(ctx context.Context, p *ints) promise.Awaitable { return promise.WithTimeout(ctx, time.Hour, p) },
	"finally": func(_ context.Context, p *ints) promise.Awaitable {
		return p.Finally(func() *promise.Promise[unit] { return promise.Resolved(unit{}) })
	},
	"task": func(ctx context.Context, p *ints) promise.Awaitable { return promise.Go(ctx, p.Wait) },
}

// logged has what slog writes collected until the test ends.
func logged(t *testing.T) *lockedBuffer {
	b := &lockedBuffer{}
	was, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(b, nil)))
	t.Cleanup(func() {
		slog.SetDefault(was)
		log.SetOutput(writer) // SetDefault has changed these too
		log.SetFlags(flags)
	})
	return b
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// defects are what users of Lwt complain of, and do not find here.
var defects = []Fact{
	{
		Name:   "cancelling stops the work: the operation is told once, before any callback hears of it",
		Source: "Lwt 4.1 row 1: cancel does not stop running work",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			d := promise.Map(o.Promise(), double)
			var told []error
			o.Promise().OnCancel(func() { told = slices.Clone(o.stops) })
			d.CancelCause(errTest)
			d.Cancel()
			step(ctx)
			assertCanceled(t, outcome(d))
			require.Len(t, told, 1)
			assert.ErrorIs(t, told[0], errTest)
			assert.Len(t, o.stops, 1)
			assert.False(t, o.Settle(1, nil))
		},
	},
	{
		Name:   "a task that loses a race, is cancelled or cancels itself hears of it, and so do its operations and its tasks",
		Source: "Lwt 4.1 row 1: pick does not cancel certain pending tasks; a task cannot cancel itself",
		Run: func(t *testing.T, ctx context.Context) {
			for name, cancel := range map[string]func(p *ints){
				"lost":      func(p *ints) { promise.Pick(p, promise.Resolved(1)) },
				"cancelled": func(p *ints) { p.Cancel() },
				"by itself": func(*ints) {},
			} {
				var o *operation
				var p *ints
				var child *promise.Promise[unit]
				p = promise.Spawn(ctx, func(ctx context.Context) (int, error) {
					o = newOperation(ctx)
					o.Follow(ctx)
					child = promise.Go(ctx, func(ctx context.Context) error { step(ctx); return promise.Sleep(ctx, time.Hour).Wait(ctx) })
					step(context.WithoutCancel(ctx))
					if name == "by itself" {
						p.Cancel()
					}
					_, err := o.Promise().Await(ctx)
					assertCanceled(t, context.Cause(ctx), name)
					return 0, err
				})
				step(ctx)
				step(ctx)
				cancel(p)
				assertCanceled(t, await(ctx, p), name)
				assertCanceled(t, await(ctx, child), name)
				assert.Len(t, o.stops, 1, name)
			}
		},
	},
	{
		Name:   "what runs first does not depend on whether a promise was settled",
		Source: "Lwt 4.1 row 2: immediate and deferred callbacks",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				var orders []journal
				for _, in := range k.inputs(ctx) {
					var j journal
					in.settle()
					d := k.derive(in.p, func() *ints { j.add("callback"); return promise.Resolved(1) })
					d.OnSettle(func(int, error) {})
					j.add("after the call")
					step(ctx)
					orders = append(orders, j)
				}
				want := journal{"after the call", "callback"}
				assert.Equal(t, []journal{want, want, want}, orders, k.name)
			}
		},
	},
	{
		Name:   "a handler that panics or exits stops neither the loop nor later reports",
		Source: "Lwt 4.1 row 3: a handler that throws wedges the loop",
		Run: func(t *testing.T, ctx context.Context) {
			for name, fail := range map[string]func(){"panic": explode, "exit": runtime.Goexit} {
				log := logged(t)
				var got []error
				promise.QueueFrom(ctx).SetHandler(func(err error) { got = append(got, err); fail() })
				var j journal
				p, r := promise.New[int](ctx)
				p.OnSettle(func(int, error) { panic(errOther) })
				p.OnSettle(note[int](&j, "next"))
				for range 2 {
					promise.Go(ctx, func(context.Context) error { return errOther })
				}
				promise.Resolved(1).OnSettle(note[int](&j, "queued"))
				r.Resolve(1)
				for range 3 {
					step(ctx)
				}
				assert.Equal(t, journal{"queued", "next"}, j, name)
				assert.Len(t, got, 3, name)
				if name == "panic" {
					assert.Contains(t, log.String(), errOther.Error(), "what it did not handle")
				}
				reports(ctx)
			}
		},
	},
	{
		Name:   "a handler that panics or exits at the loop's end loses no report, and keeps nobody waiting",
		Source: "Lwt 4.1 row 3: a handler that throws wedges the loop",
		Loops: func(t *testing.T, start Starter) {
			for name, fail := range map[string]func(){"panic": explode, "exit": runtime.Goexit} {
				logged(t)
				var got []error
				var kept []*ints
				var done <-chan struct{}
				_ = closed(t, start, func(ctx context.Context) {
					promise.QueueFrom(ctx).SetHandler(func(err error) { got = append(got, err); fail() })
					for range 3 {
						p, r := promise.New[int](ctx)
						kept = append(kept, p)
						r.Reject(errTest)
					}
					pending, _ := promise.New[int](ctx)
					done = pending.Done()
				})
				runtime.KeepAlive(kept)
				assert.Len(t, got, 3, name)
				select {
				case <-done:
				default:
					t.Error(name, "a promise of a closed loop keeps its Done channel open")
				}
			}
		},
	},
	{
		Name:   "each loop has a handler of its own",
		Source: "Lwt 4.1 row 4: one global hook that libraries fight over",
		Loops: func(t *testing.T, start Starter) {
			for _, want := range []error{errTest, errOther} {
				reported := closed(t, start, func(ctx context.Context) {
					promise.Go(ctx, func(context.Context) error { return want })
					step(ctx)
				})
				require.Len(t, reported, 1)
				assert.ErrorIs(t, reported[0], want)
			}
		},
	},
	{
		Name:   "without a handler an unhandled error is logged, and the program goes on",
		Source: "Lwt 4.1 row 4: the default exits the process",
		Run: func(t *testing.T, ctx context.Context) {
			log := logged(t)
			promise.QueueFrom(ctx).SetHandler(nil)
			promise.Go(ctx, func(context.Context) error { return errTest })
			promise.Resolved(1).OnSettle(func(int, error) { panic(errOther) })
			step(ctx)
			assert.Contains(t, log.String(), errTest.Error())
			assert.Contains(t, log.String(), errOther.Error())
		},
	},
	{
		Name:   "a rejection that nobody looks at is reported once, at the loop's end at the latest",
		Source: "Lwt 4.1 row 5: dropped promises vanish",
		Loops: func(t *testing.T, start Starter) {
			for name, derive := range derived {
				var kept promise.Awaitable
				reported := closed(t, start, func(ctx context.Context) {
					p, r := promise.New[int](ctx)
					kept = derive(ctx, p)
					r.Reject(errTest)
					step(ctx)
					step(ctx)
				})
				runtime.KeepAlive(kept)
				require.Len(t, reported, 1, name)
				var unhandled *promise.UnhandledError
				require.ErrorAs(t, reported[0], &unhandled, name)
				assert.ErrorIs(t, reported[0], errTest, name)
			}
		},
	},
	{
		Name:   "a rejection that nobody looks at is reported when the promise is collected",
		Source: "Lwt 4.1 row 5: dropped promises vanish",
		Run: func(t *testing.T, ctx context.Context) {
			for name, derive := range derived {
				reported := reports(ctx)
				func() {
					p, r := promise.New[int](ctx)
					derive(ctx, p)
					r.Reject(errTest)
					step(ctx)
				}()
				for tries := 0; len(*reported) == 0 && tries < 200; tries++ {
					runtime.GC() // the cleanup runs on a goroutine of the runtime's
					runtime.Gosched()
					step(ctx)
				}
				if assert.Len(t, *reported, 1, name) {
					assert.ErrorIs(t, (*reported)[0], errTest, name)
				}
			}
		},
	},
	{
		Name:   "a rejection on no loop that nobody looks at is logged when it is collected",
		Source: "Lwt 4.1 row 5: dropped promises vanish",
		Run: func(t *testing.T, ctx context.Context) {
			log := logged(t)
			func() { promise.Rejected[int](errors.New("seen by nobody")) }()
			for tries := 0; !strings.Contains(log.String(), "seen by nobody") && tries < 200; tries++ {
				runtime.GC()
				runtime.Gosched()
				step(ctx)
			}
			assert.Contains(t, log.String(), "seen by nobody")
		},
	},
	{
		Name:   "a rejection that somebody looks at, before it comes or after, is not reported; nor is a cancellation",
		Source: "Lwt 4.1 row 5",
		Loops: func(t *testing.T, start Starter) {
			for name, look := range looks {
				for _, early := range []bool{true, false} {
					reported := closed(t, start, func(ctx context.Context) {
						p, r := promise.New[int](ctx)
						if early && name != "poll" {
							look(ctx, p)
							step(ctx)
						}
						r.Reject(errTest)
						step(ctx)
						if !early || name == "poll" {
							look(ctx, p)
							step(ctx)
						}
					})
					assert.Empty(t, reported, "%s, early: %v", name, early)
				}
			}
			reported := closed(t, start, func(ctx context.Context) {
				for _, c := range cancelRoutes {
					p, r := promise.New[int](ctx)
					promise.Map(p, double)
					c.cancel(p, r)
				}
				promise.Rejected[int](promise.ErrCanceled)
				promise.Map(promise.Resolved(1), func(int) (int, error) { return 0, promise.ErrLoopClosed })
				promise.New[int](ctx)
				promise.Sleep(ctx, time.Hour)
			})
			assert.Empty(t, reported)
		},
	},
	{
		Name:   "what is derived from a long-lived promise and cancelled leaves nothing with it",
		Source: "Lwt 4.1 row 6: racing map f stop in a loop grows forever",
		Run: func(t *testing.T, ctx context.Context) {
			stop, _ := promise.New[int](ctx)
			short := func() *ints { return promise.Map(promise.Pause(ctx), func(unit) (int, error) { return 1, nil }) }
			for name, round := range map[string]func(){
				"pick of a map":  func() { promise.Pick(promise.Map(stop.Protected(), double), short()) },
				"pick of a bind": func() { promise.Pick(promise.Bind(stop.Protected(), promise.Resolved[int]), short()) },
				"with timeout":   func() { promise.WithTimeout(ctx, 0, stop.Protected()).OnSettle(func(int, error) {}) },
				"with context": func() {
					c, cancel := context.WithCancel(ctx)
					defer cancel()
					promise.WithContext(c, stop.Protected()).Cancel()
					step(ctx)
				},
			} {
				assertFlat(t, func() {
					round()
					step(ctx)
					step(ctx)
				}, name)
			}
			assert.Equal(t, "pending", outcome(stop))
		},
	},
	{
		Name:   "a chain of a million links is settled and cancelled without stack",
		Source: "Lwt 4.1 row 7: deep pending bind chains recurse",
		Run: func(t *testing.T, ctx context.Context) {
			defer heavy()()
			for _, e := range []string{"fulfilled", "cancelled"} {
				p, r := promise.New[int](ctx)
				d := p
				for range million / 2 {
					d = promise.Map(d, func(v int) (int, error) { return v + 1, nil })
					d = promise.Bind(d, func(v int) *ints { return promise.Resolved(v + 1) })
				}
				if e == "fulfilled" {
					r.Resolve(0)
					assert.Equal(t, million, await(ctx, d))
					continue
				}
				d.Cancel() // from the far end
				assertCanceled(t, outcome(p))
				assertCanceled(t, await(ctx, d))
			}
		},
	},
	{
		Name:   "every combinator does what it says in every order of settling three inputs",
		Source: "Lwt 4.1 row 8: combinators subtly wrong for years",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range combinators {
				n := 3
				if c.pair {
					n = 2
				}
				for _, s := range scripts(n) {
					play(t, ctx, c, s)
				}
			}
		},
	},
	{
		Name:   "a join that fails fast rejects at once and cancels the others, which learn why",
		Source: "Lwt 4.1 row 9: no fail-fast join",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			p, r := promise.New[int](ctx)
			d := promise.AllFailFast(promise.Resolved(1), o.Promise(), p)
			r.Reject(errTest)
			step(ctx)
			assert.Equal(t, errTest, outcome(d))
			assertCanceled(t, outcome(o.Promise()))
			require.Len(t, o.stops, 1)
			assert.ErrorIs(t, o.stops[0], errTest)
		},
	},
	{
		Name:   "the outcomes of all can be had without an error",
		Source: "Lwt 4.1 row 9: no allSettled",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			d := promise.AllSettled(p, promise.Rejected[int](errTest), promise.Resolved(3))
			r.Reject(promise.ErrCanceled)
			assert.Equal(t, []promise.Result[int]{{Err: promise.ErrCanceled}, {Err: errTest}, {Value: 3}}, await(ctx, d))
		},
	},
	{
		Name:   "a context's values reach everything that is started with it, and nothing else",
		Source: "Lwt 4.1 row 10: implicit context",
		Run: func(t *testing.T, ctx context.Context) {
			values := map[string]any{}
			see := func(name string) func(ctx context.Context) error {
				return func(ctx context.Context) error {
					err := promise.Pause(ctx).Wait(ctx)
					values[name] = ctx.Value(key{})
					return err
				}
			}
			with := context.WithValue(ctx, key{}, "value")
			p := promise.Go(with, func(ctx context.Context) error {
				shadowed := context.WithValue(ctx, key{}, "shadow")
				bounded, cancel := promise.ContextTimeout(ctx, time.Hour)
				defer cancel()
				var offloaded any
				return errors.Join(
					see("task")(ctx),
					promise.Go(ctx, see("task of a task")).Wait(ctx),
					promise.Go(shadowed, see("shadowed")).Wait(ctx),
					promise.Go(bounded, see("bounded")).Wait(ctx),
					promise.Go(context.WithoutCancel(ctx), see("without cancel")).Wait(ctx),
					promise.Offload(ctx, func(ctx context.Context) (unit, error) {
						offloaded = ctx.Value(key{})
						_, err := promise.OnLoop(ctx, func(ctx context.Context) (unit, error) { return unit{}, see("on loop")(ctx) })
						return unit{}, err
					}).Wait(ctx),
					func() error { values["offload"] = offloaded; return nil }(),
				)
			})
			plain := promise.Go(ctx, see("plain"))
			require.Equal(t, unit{}, await(ctx, promise.Join(p, plain)))
			assert.Equal(t, map[string]any{
				"task": "value", "task of a task": "value", "shadowed": "shadow", "bounded": "value", "without cancel": "value",
				"offload": "value", "on loop": "value", "plain": nil,
			}, values)
		},
	},
	{
		Name:   "the stack of a panic names the function that panicked",
		Source: "Lwt 4.1 row 11: backtraces are unreliable",
		Run: func(t *testing.T, ctx context.Context) {
			failed := map[string]any{}
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				d := k.derive(p, func() *ints { explode(); return nil })
				k.settle(r)
				failed[k.name] = await(ctx, d)
			}
			fail := func(context.Context) (int, error) { explode(); return 0, nil }
			failed["spawn"] = await(ctx, promise.Spawn(ctx, fail))
			failed["offload"] = await(ctx, promise.Offload(ctx, fail))
			for name, bare := range map[string]func(){
				"on settle": func() { promise.Resolved(1).OnSettle(func(int, error) { explode() }) },
				"on cancel": func() { p, _ := promise.New[int](ctx); p.OnCancel(explode); p.Cancel() },
				"post":      func() { assert.NoError(t, promise.QueueFrom(ctx).Post(explode)) },
				"go":        func() { promise.Go(ctx, func(context.Context) error { explode(); return nil }) },
			} {
				reported := reports(ctx)
				bare()
				step(ctx)
				require.Len(t, *reported, 1, name)
				failed[name] = (*reported)[0]
			}
			for name, err := range failed {
				var perr *promise.PanicError
				require.ErrorAs(t, err.(error), &perr, name)
				assert.Contains(t, string(perr.Stack), "facts.explode", name)
			}
		},
	},
	{
		Name:   "a report says where the rejection came from",
		Source: "Lwt 4.1 row 11: backtraces are unreliable",
		Run: func(t *testing.T, ctx context.Context) {
			reported := reports(ctx)
			promise.Go(ctx, fails)
			step(ctx)
			require.Len(t, *reported, 1)
			assert.ErrorContains(t, (*reported)[0], "facts.fails")
		},
	},
}

func fails(context.Context) error { return errTest }
