// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	stdio "io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func TestSmoke(t *testing.T) {
	var loop *weftio.Loop
	err := weftio.Run(t.Context(), func(ctx context.Context) error {
		loop = weftio.LoopFrom(ctx)
		require.NoError(t, weftio.Sleep(ctx, 10*time.Millisecond).Wait(ctx))
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		require.NoError(t, err)
		srv := weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			for {
				line, err := c.ReadLine().Await(ctx)
				if err != nil {
					if err == weftio.EOF {
						return nil
					}
					return err
				}
				c.Printf("echo %s\n", line)
			}
		})
		c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
		require.NoError(t, err)
		for i := range 5 {
			c.Printf("hello %d\n", i)
			line, err := c.ReadLine().Await(ctx)
			require.NoError(t, err)
			t.Log(line)
		}
		big := make([]byte, 3<<20)
		c2, err := weftio.Dial(ctx, "tcp", "localhost:"+itoa(ln.Port())).Await(ctx)
		require.NoError(t, err)
		p := c2.Write(big)
		t.Log(c2.WriteString("\n").Wait(ctx))
		t.Log(p.Wait(ctx))
		_, err = c2.ReadLine().Await(ctx)
		t.Log(err)
		require.NoError(t, c.CloseWrite().Wait(ctx))
		_, err = c.ReadLine().Await(ctx)
		require.Equal(t, weftio.EOF, err)
		require.NoError(t, c.Close().Wait(ctx))
		tctx, cancel := promise.ContextTimeout(ctx, time.Second)
		defer cancel()
		t.Log(c2.Close().Wait(ctx))
		t.Log(srv.Shutdown(tctx).Wait(ctx))
		_, err = weftio.Dial(ctx, "tcp", "127.0.0.1:1").Await(ctx)
		t.Log(err)
		_, err = weftio.LookupHost(ctx, "nosuch.invalid").Await(ctx)
		t.Log(err)
		return nil
	})
	require.NoError(t, err)
	t.Log(loop.Stats())
}

func TestStart(t *testing.T) {
	l, err := weftio.Start()
	require.NoError(t, err)
	ctx := l.Context(t.Context())
	require.NoError(t, weftio.Sleep(ctx, 10*time.Millisecond).Wait(ctx))
	ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
	require.NoError(t, err)
	go func() {
		c, _ := net.Dial("tcp", ln.String())
		c.Write([]byte("abc"))
		c.Close()
	}()
	c, err := ln.Accept().Await(ctx)
	require.NoError(t, err)
	b, err := stdio.ReadAll(c.Reader(ctx))
	require.NoError(t, err)
	require.Equal(t, "abc", string(b))
	p := c.Input.Read(1)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err = p.Await(ctx)
	t.Log(err)
	require.True(t, errors.Is(weftio.Sleep(ctx, 1).Wait(ctx), promise.ErrLoopClosed))
	t.Log(l.Stats())
}

func itoa(i int) string {
	return string([]byte{byte('0' + i/10000%10), byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
}
