// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// sleepLong is a task that does not end by itself.
func sleepLong(ctx context.Context) error { return promise.Sleep(ctx, time.Hour).Wait(ctx) }

func TestResourcesSayWhatRunsAndWhereItWasMade(t *testing.T) {
	l := promisetest.New()
	l.Queue().Track()
	l.Queue().SetOffloadLimit(1)
	ctx := l.Context()
	assert.Empty(t, l.Queue().Resources())
	task := promise.Go(ctx, sleepLong)
	waits, end := context.WithCancel(ctx)
	release := make(chan struct{})
	for range 2 {
		promise.Offload(waits, func(context.Context) (int, error) { <-release; return 0, nil })
	}
	_, stop := promise.ContextTimeout(ctx, time.Hour)
	never, _ := promise.New[int](ctx)
	timeout := promise.WithTimeout(ctx, time.Hour, never)
	l.Flush()
	var lines []string
	for _, r := range l.Queue().Resources() {
		lines = append(lines, r.Kind+" "+r.Name)
		assert.Contains(t, r.Made, "resource_test.go:", r.Name)
		assert.Contains(t, r.String(), r.Kind+" "+r.Name+"\n\t")
	}
	assert.ElementsMatch(t, []string{
		"task github.com/weft-go/weft/promise_test.sleepLong",
		"timer Sleep", "timer ContextTimeout", "timer WithTimeout",
		"Offload github.com/weft-go/weft/promise_test.TestResourcesSayWhatRunsAndWhereItWasMade.func1",
		"Offload github.com/weft-go/weft/promise_test.TestResourcesSayWhatRunsAndWhereItWasMade.func1",
	}, lines)

	task.Cancel()
	end()
	stop()
	timeout.Cancel()
	close(release)
	require.Eventually(t, func() bool { l.Flush(); return len(l.Queue().Resources()) == 0 }, time.Minute, time.Millisecond)
	assert.Empty(t, l.Close())
}

func TestResourcesWithoutTrackSayNotWhere(t *testing.T) {
	l := promisetest.New()
	promise.Sleep(l.Context(), time.Hour)
	assert.Equal(t, []promise.ResourceInfo{{Kind: "timer", Name: "Sleep"}}, l.Queue().Resources())
	l.Close()
}

func TestUnhandledErrorsOfGoSayWhereItWasCalled(t *testing.T) {
	l, reported := newReportingLoop()
	l.Queue().Track()
	promise.Go(l.Context(), failWith(errTest))
	l.Flush()
	var u *promise.UnhandledError
	require.Len(t, *reported, 1)
	require.ErrorAs(t, (*reported)[0], &u)
	assert.Contains(t, u.Made, "resource_test.go:")
	l.Close()
}
