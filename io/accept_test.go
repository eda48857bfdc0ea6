// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

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

// What a Pick drops has taken nothing: each client has its connection.
func TestAnAcceptThatLosesARaceTakesNoConnection(t *testing.T) {
	const clients = 500
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp4")
		rnd := rand.New(rand.NewPCG(5, 6))
		all := promise.Offload(ctx, func(context.Context) (promise.Unit, error) {
			for range clients {
				c, err := net.Dial("tcp", ln.String())
				if err == nil {
					err = errors.Join(c.SetDeadline(time.Now().Add(30*time.Second)), converse(c), c.Close())
				}
				if err != nil {
					return promise.Unit{}, err
				}
			}
			return promise.Unit{}, nil
		})
		lost := 0
		for all.State() == promise.StatePending {
			late := promise.Map(weftio.Sleep(ctx, time.Duration(rnd.IntN(1000))*time.Microsecond), func(promise.Unit) (*weftio.Conn, error) { return nil, nil })
			c, err := promise.Pick(ln.Accept(), late).Await(ctx)
			require.NoError(t, err)
			if c == nil {
				lost++
				continue
			}
			promise.Go(ctx, func(ctx context.Context) error {
				err := echo(ctx, c)
				return errors.Join(err, c.Close().Wait(ctx))
			})
		}
		t.Logf("%d Accepts lost, %d connections came", lost, clients)
		require.NoError(t, all.Wait(ctx))
		return ln.Close().Wait(ctx)
	})
}
