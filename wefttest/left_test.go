// SPDX-License-Identifier: MIT

package wefttest

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

var errTest = errors.New("test error")

// poll is a task that goes on until its ctx ends.
func poll(ctx context.Context) error {
	for {
		if err := weftio.Sleep(ctx, time.Hour).Wait(ctx); err != nil {
			return err
		}
	}
}

// accepting returns the address of a listener that has the system accept connections until the test ends.
func accepting(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ln.Close()) })
	return ln.Addr().String()
}

func listening(ctx context.Context) (*weftio.Listener, error) {
	return weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
}

func serve(ctx context.Context, ln *weftio.Listener) *weftio.Server {
	return weftio.Serve(ctx, ln, func(context.Context, *weftio.Conn) error { return nil })
}

func TestWhatABodyLeavesFailsTheTest(t *testing.T) {
	t.Parallel()
	address := accepting(t)
	for name, test := range map[string]struct {
		leave func(ctx context.Context) error
		kinds []string // what the report begins lines with
	}{
		"a connection": {func(ctx context.Context) error {
			return weftio.Dial(ctx, "tcp", address).Wait(ctx)
		}, []string{"connection 127.0.0.1:"}},
		"a connection that was accepted": {func(ctx context.Context) error {
			ln, err := listening(ctx)
			if err != nil {
				return err
			}
			c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
			if err != nil {
				return err
			}
			return errors.Join(ln.Accept().Wait(ctx), c.Close().Wait(ctx), ln.Close().Wait(ctx))
		}, []string{"connection 127.0.0.1:"}},
		"a Dial of a name": {func(ctx context.Context) error {
			return weftio.Dial(ctx, "tcp", strings.Replace(address, "127.0.0.1", "localhost", 1)).Wait(ctx)
		}, []string{"connection "}},
		"a listener": {func(ctx context.Context) error {
			_, err := listening(ctx)
			return err
		}, []string{"listener 127.0.0.1:"}},
		"a server": {func(ctx context.Context) error {
			ln, err := listening(ctx)
			serve(ctx, ln)
			return err
		}, []string{"listener 127.0.0.1:", "server of handler github.com/weft-go/weft/wefttest."}},
		"a task":  {func(ctx context.Context) error { promise.Go(ctx, poll); return nil }, []string{"task github.com/weft-go/weft/wefttest.poll"}},
		"a timer": {func(ctx context.Context) error { weftio.Sleep(ctx, time.Hour); return nil }, []string{"timer Sleep"}},
		"the timer of a context": {func(ctx context.Context) error {
			_, _ = promise.ContextTimeout(ctx, time.Hour) //nolint:govet // this is what it is about
			return nil
		}, []string{"timer ContextTimeout"}},
		"an Offload": {func(ctx context.Context) error {
			promise.Offload(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
			return nil
		}, []string{"Offload github.com/weft-go/weft/wefttest.TestWhatABodyLeaves"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := try(func(t testing.TB) { Run(t, test.leave) })
			assert.True(t, f.failed)
			for _, kind := range test.kinds {
				assert.Contains(t, f.log.String(), "\n"+kind)
			}
			assert.Contains(t, f.log.String(), "left_test.go:")
		})
	}
}

func TestAnErrorThatNobodyLooksAtFailsTheTest(t *testing.T) {
	for name, leave := range map[string]func(ctx context.Context){
		"a rejection of Go": func(ctx context.Context) {
			promise.Go(ctx, func(context.Context) error { return errTest })
		},
		"a panic in a task of Go": func(ctx context.Context) {
			promise.Go(ctx, func(context.Context) error { panic(errTest) })
		},
		"a panic in a callback": func(ctx context.Context) {
			_ = weftio.LoopFrom(ctx).Post(func() { panic(errTest) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := try(func(t testing.TB) { Run(t, func(ctx context.Context) error { leave(ctx); return nil }) })
			assert.Contains(t, f.log.String(), errTest.Error())
			assert.Contains(t, f.log.String(), "left_test.go:")

			f, _ = try(func(t testing.TB) {
				Run(t, func(ctx context.Context) error { leave(ctx); return nil }, Allow(errTest.Error()))
			})
			assert.False(t, f.failed, f.log.String())

			var seen error
			f, _ = try(func(t testing.TB) {
				Run(t, func(ctx context.Context) error { leave(ctx); return nil }, weftio.OnError(func(err error) { seen = err }))
			})
			assert.False(t, f.failed, "a test that has a handler of its own looks at them")
			assert.ErrorIs(t, seen, errTest)
		})
	}
}

func TestALoopThatIsHeldFailsTheTest(t *testing.T) {
	hold := func(d time.Duration) func(ctx context.Context) error {
		return func(context.Context) error { time.Sleep(d); return nil }
	}
	spin := func(d time.Duration) func(ctx context.Context) error {
		return func(context.Context) error {
			for end := time.Now().Add(d); time.Now().Before(end); {
			}
			return nil
		}
	}
	f, _ := try(func(t testing.TB) { Run(t, spin((computes+1)*heldLimit)) })
	assert.Contains(t, f.log.String(), "has been held for")
	f, _ = try(func(t testing.TB) { Run(t, spin(2*heldLimit)) })
	assert.False(t, f.failed, f.log.String())
	f, _ = try(func(t testing.TB) { Run(t, hold(2*heldLimit)) })
	assert.Contains(t, f.log.String(), "has been held for")
	assert.Contains(t, f.log.String(), "left_test.go:")
	f, _ = try(func(t testing.TB) { Run(t, hold(200*time.Millisecond), weftio.Watchdog(20*time.Millisecond, nil)) })
	assert.Contains(t, f.log.String(), "has been held for")
	f, _ = try(func(t testing.TB) {
		Run(t, hold(200*time.Millisecond), weftio.Watchdog(20*time.Millisecond, nil), Allow("has been held"))
	})
	assert.False(t, f.failed, f.log.String())
	f, _ = try(func(t testing.TB) {
		Run(t, hold(200*time.Millisecond), weftio.Watchdog(20*time.Millisecond, nil), weftio.Watchdog(0, nil))
	})
	assert.False(t, f.failed, f.log.String())
}

func TestWhatIsOnItsWayToEndIsNotLeft(t *testing.T) {
	address := accepting(t)
	f, _ := try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error {
			c, err := weftio.Dial(ctx, "tcp", address).Await(ctx)
			require.NoError(t, err)
			c.Write(make([]byte, 1000)).OnSettle(func(promise.Unit, error) {})
			c.Close()
			ln, err := listening(ctx)
			require.NoError(t, err)
			s := serve(ctx, ln)
			c, err = weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
			require.NoError(t, err)
			c.Close()
			s.Shutdown(ctx)
			promise.Go(ctx, func(ctx context.Context) error { return weftio.Sleep(ctx, 20*time.Millisecond).Wait(ctx) })
			promise.Offload(ctx, func(context.Context) (int, error) { time.Sleep(20 * time.Millisecond); return 0, nil })
			timeout, cancel := promise.ContextTimeout(ctx, time.Hour)
			promise.Go(timeout, poll)
			cancel()
			weftio.Sleep(ctx, time.Hour).Cancel()
			promise.New[int](ctx) // a promise is nothing that is open
			return nil
		})
	})
	assert.False(t, f.failed, f.log.String())
}

func TestAllowExceptsWhatItNames(t *testing.T) {
	t.Parallel()
	leave := func(ctx context.Context) error {
		promise.Go(ctx, poll)
		_, err := listening(ctx)
		return err
	}
	f, _ := try(func(t testing.TB) { Run(t, leave, Allow("wefttest.poll")) })
	assert.Contains(t, f.log.String(), "listener")
	assert.NotContains(t, f.log.String(), "wefttest.poll", "neither the task nor the timer that it has made")
	f, _ = try(func(t testing.TB) {
		Run(t, leave, Allow("wefttest.poll", "listener 127.0.0.1"), Allow("what never comes"))
	})
	assert.False(t, f.failed, f.log.String())
	assert.Panics(t, func() { Allow("") })
	assert.Panics(t, func() { Run(t, leave, nil) })
}

func TestEqualThingsAreCounted(t *testing.T) {
	t.Parallel()
	f, _ := try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error {
			for range 3 {
				weftio.Sleep(ctx, time.Hour)
			}
			return nil
		})
	})
	assert.Contains(t, f.log.String(), "3 x timer Sleep")
}

func TestAFailedOrSkippedTestIsNotAskedWhatItLeaves(t *testing.T) {
	f, _ := try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error { promise.Go(ctx, poll); return errTest })
	})
	assert.Equal(t, errTest.Error(), f.log.String())
	f, _ = try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error {
			promise.Go(ctx, func(context.Context) error { return errTest })
			promise.Go(ctx, poll)
			t.SkipNow()
			return nil
		})
	})
	assert.False(t, f.failed, f.log.String())
}

func TestStartFindsWhatTheTestLeaves(t *testing.T) {
	t.Parallel()
	f, _ := try(func(t testing.TB) {
		_, ctx := Start(t)
		promise.Go(ctx, poll)
	})
	assert.Contains(t, f.log.String(), "wefttest.poll")
	assert.Contains(t, f.log.String(), "left_test.go:")
	f, _ = try(func(t testing.TB) {
		_, ctx := Start(t, Allow("wefttest.poll"))
		promise.Go(ctx, poll)
	})
	assert.False(t, f.failed, f.log.String())
	f, _ = try(func(t testing.TB) {
		l, ctx := Start(t)
		promise.Go(ctx, poll)
		require.NoError(t, l.Close())
	})
	assert.False(t, f.failed, "a loop that the test has closed is its business: "+f.log.String())
}

func TestCleanupIsCalledBeforeWhatIsLeftIsCounted(t *testing.T) {
	var order []int
	closing := func(t testing.TB, ctx context.Context) {
		ln, err := listening(ctx)
		require.NoError(t, err)
		Cleanup(ctx, func(ctx context.Context) error { order = append(order, 1); return ln.Close().Wait(ctx) })
		Cleanup(ctx, func(ctx context.Context) error {
			Cleanup(ctx, func(context.Context) error { order = append(order, 2); return nil })
			return promise.Pause(ctx).Wait(ctx)
		})
	}
	f, _ := try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error { closing(t, ctx); return nil })
		_, ctx := Start(t)
		closing(t, ctx)
	})
	assert.False(t, f.failed, f.log.String())
	assert.Equal(t, []int{2, 1, 2, 1}, order)

	f, _ = try(func(t testing.TB) {
		Run(t, func(ctx context.Context) error {
			Cleanup(ctx, func(context.Context) error { return errTest })
			return nil
		})
	})
	assert.Contains(t, f.log.String(), errTest.Error())
	assert.Panics(t, func() { Cleanup(context.Background(), nil) })
}

func TestALoopThatDoesNotComeBackIsNotAsked(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f, _ := try(func(t testing.TB) {
		_, ctx := Start(t, weftio.Grace(time.Millisecond))
		promise.Go(ctx, func(context.Context) error { <-release; return nil })
	})
	assert.Contains(t, f.log.String(), "does not come back")
	assert.Contains(t, f.log.String(), "has been held for")
	close(release)
}
