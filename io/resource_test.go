// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// others returns what is open on ctx's loop, the timers and the task that asks apart.
func others(ctx context.Context) (all []weftio.ResourceInfo) {
	for _, r := range weftio.LoopFrom(ctx).Resources() {
		if r.Kind != "timer" && r.Kind != "task" {
			all = append(all, r)
		}
	}
	return all
}

func TestResourcesAreConnectionsAndListenersWithTheirAddresses(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		assert.Empty(t, others(ctx))
		ln := listen(t, ctx, "tcp")
		dial := weftio.Dial(ctx, "tcp", ln.String())
		server, err := ln.Accept().Await(ctx)
		require.NoError(t, err)
		client, err := dial.Await(ctx)
		require.NoError(t, err)
		all := others(ctx)
		require.Len(t, all, 3)
		assert.Equal(t, "listener "+ln.String(), all[0].Kind+" "+all[0].Name)
		assert.Equal(t, "connection "+client.LocalAddr().String()+" to "+ln.String(), all[1].Kind+" "+all[1].Name)
		assert.Equal(t, "connection "+ln.String()+" to "+client.LocalAddr().String(), all[2].Kind+" "+all[2].Name)
		for _, r := range all {
			assert.Contains(t, r.Made, "_test.go:", r)
		}
		require.NoError(t, client.Close().Wait(ctx))
		require.NoError(t, server.Close().Wait(ctx))
		require.NoError(t, ln.Close().Wait(ctx))
		assert.Empty(t, others(ctx))
		return nil
	})
}

func TestResourcesOfAnAttemptToConnectAndOfALookup(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		dial := weftio.Dial(ctx, "tcp", "[100::1]:9") // nobody answers there
		if err := promise.Pause(ctx).Wait(ctx); err != nil {
			return err
		}
		if all := others(ctx); dial.State() == promise.StatePending && assert.Len(t, all, 1) { // not without a route
			assert.Equal(t, "to [100::1]:9, which has not answered yet", all[0].Name)
		}
		dial.Cancel()
		lookup := weftio.LookupHost(ctx, "localhost")
		if err := promise.Pause(ctx).Wait(ctx); err != nil {
			return err
		}
		if all := others(ctx); lookup.State() == promise.StatePending && assert.Len(t, all, 1) {
			assert.Equal(t, "lookup localhost", all[0].Kind+" "+all[0].Name)
		}
		lookup.Cancel()
		for _, r := range others(ctx) {
			assert.NotEqual(t, "lookup", r.Kind, "it ends by itself")
		}
		return nil
	})
}

func TestAConnectionOfWithConnIsItsCallers(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		for _, address := range []string{ln.String(), "localhost" + ln.String()[len("127.0.0.1"):]} {
			err := weftio.WithConn(ctx, "tcp", address, func(ctx context.Context, _ *weftio.Conn) (promise.Unit, error) {
				all := others(ctx)
				require.Len(t, all, 2, address)
				assert.Contains(t, all[1].Made, "TestAConnectionOfWithConnIsItsCallers", address)
				return promise.Unit{}, nil
			}).Wait(ctx)
			require.NoError(t, err)
		}
		return ln.Close().Wait(ctx)
	})
}

func TestALoopThatDoesNotTrackKnowsNoPlaces(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		p := weftio.Sleep(ctx, time.Hour)
		for _, r := range weftio.LoopFrom(ctx).Resources() {
			assert.Empty(t, r.Made, r.Name)
		}
		p.Cancel()
		return ln.Close().Wait(ctx)
	}, weftio.TrackResources(false))
}
