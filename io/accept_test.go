// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// converseAll has n clients converse at the same time, and returns their errors.
func converseAll(address string, n int) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c, err := net.Dial("tcp", address)
			if err == nil {
				err = errors.Join(converse(c), c.Close())
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// A goroutine cancels while the loop is about to hand a connection over.
func TestConnectionsOfAcceptsThatAreCancelledGoToTheNext(t *testing.T) {
	const atATime, rounds = 50, 40
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp4")
		accepts := make(chan *promise.Promise[*weftio.Conn], 1)
		go func() {
			for p := range accepts {
				p.Cancel()
			}
		}()
		defer close(accepts)
		for range rounds {
			clients := promise.Offload(ctx, func(context.Context) (int, error) {
				err := converseAll(ln.String(), atATime)
				if err != nil {
					ln.Close() // one that is lost would be waited for
				}
				return 0, err
			})
			for taken := 0; taken < atATime; {
				p := ln.Accept()
				select {
				case accepts <- p:
				default:
				}
				c, err := p.Await(ctx)
				if err != nil {
					require.ErrorIs(t, err, promise.ErrCanceled)
					continue
				}
				taken++
				promise.Go(ctx, func(ctx context.Context) error {
					err := echo(ctx, c)
					return errors.Join(err, c.Close().Wait(ctx))
				})
			}
			_, err := clients.Await(ctx)
			assert.NoError(t, err)
		}
		return ln.Close().Wait(ctx)
	})
}
