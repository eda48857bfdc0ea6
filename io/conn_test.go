// SPDX-License-Identifier: MIT

package io_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	stdio "io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

func TestEchoOverBothFamilies(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "tcp6"} {
		t.Run(network, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				ln := listen(t, ctx, network)
				srv := weftio.Serve(ctx, ln, echo)
				c, err := weftio.Dial(ctx, network, ln.String()).Await(ctx)
				require.NoError(t, err)
				assert.Equal(t, ln.Addr().String(), c.RemoteAddr().String())
				for i := range 10 {
					c.Printf("line %d\r\n", i)
					line, err := c.ReadLine().Await(ctx)
					require.NoError(t, err)
					assert.Equal(t, fmt.Sprint("line ", i), line)
				}
				require.NoError(t, c.Close().Wait(ctx))
				require.NoError(t, srv.Shutdown(ctx).Wait(ctx))
				return nil
			})
		})
	}
}

type addr = netip.Addr

// echo sends every line back.
func echo(ctx context.Context, c *weftio.Conn) error {
	for {
		line, err := c.ReadLine().Await(ctx)
		if err == weftio.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.WriteLine(line).Wait(ctx); err != nil {
			return err
		}
	}
}

func TestDialByName(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp4")
		srv := weftio.Serve(ctx, ln, echo)
		for _, address := range []string{fmt.Sprint("localhost:", ln.Port()), fmt.Sprint(":", ln.Port())} {
			c, err := weftio.Dial(ctx, "tcp", address).Await(ctx)
			require.NoError(t, err, address)
			require.NoError(t, c.Close().Wait(ctx))
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestErrorsHaveStdsShapes(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		_, err := weftio.Dial(ctx, "tcp", "127.0.0.1:1").Await(ctx)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		assert.Equal(t, "dial tcp 127.0.0.1:1: connect: connection refused", err.Error())
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		var sys *os.SyscallError
		assert.ErrorAs(t, err, &sys)

		ln := listen(t, ctx, "tcp")
		_, err = weftio.Listen(ctx, "tcp", ln.String()).Await(ctx)
		require.ErrorAs(t, err, &op)
		assert.ErrorIs(t, err, syscall.EADDRINUSE)
		assert.EqualError(t, err, "listen tcp "+ln.String()+": bind: address already in use")

		var dns *net.DNSError
		for _, p := range []promise.Awaitable{weftio.LookupHost(ctx, "host.invalid"), weftio.Dial(ctx, "tcp", "host.invalid:80"), weftio.LookupAddrPort(ctx, "", "80")} {
			require.ErrorAs(t, p.Wait(ctx), &dns)
			assert.True(t, dns.IsNotFound)
		}
		for address, network := range map[string]string{"127.0.0.1:1": "udp", "nonsense": "tcp", "127.0.0.1:1:1": "tcp"} {
			err = weftio.Dial(ctx, network, address).Wait(ctx)
			assert.ErrorAs(t, err, &op, address)
		}
		accept := ln.Accept()
		require.NoError(t, ln.Close().Wait(ctx))
		require.NoError(t, ln.Close().Wait(ctx), "twice is harmless")
		assert.ErrorIs(t, accept.Wait(ctx), net.ErrClosed)
		assert.ErrorIs(t, ln.Accept().Wait(ctx), net.ErrClosed)
		return nil
	})
}

func TestReadsAreServedInOrder(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		some, line, all := c.Read(3), c.ReadLine(), c.ReadAll(0)
		buf := make([]byte, 2)
		into := c.ReadInto(buf)
		_, err := p.Write([]byte("abcdef\nrest"))
		require.NoError(t, err)
		require.NoError(t, p.CloseWrite())
		b, err := some.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "abc", string(b))
		s, err := line.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "def", s)
		b, err = all.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "rest", string(b))
		_, err = into.Await(ctx)
		assert.Equal(t, weftio.EOF, err, "EOF is bare")
		return c.Close().Wait(ctx)
	})
}

func TestReadLineKnowsBothEndsAndTheLast(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		_, err := p.Write([]byte("unix\ndos\r\nlone\rcr\n\nlast"))
		require.NoError(t, err)
		require.NoError(t, p.CloseWrite())
		for _, want := range []string{"unix", "dos", "lone\rcr", "", "last"} {
			line, err := c.ReadLine().Await(ctx)
			require.NoError(t, err)
			assert.Equal(t, want, line)
		}
		assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx))
		return c.Close().Wait(ctx)
	})
}

func TestLimitsLeaveTheBytesReadable(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		long := strings.Repeat("x", 100<<10)
		go func() {
			_, _ = p.Write([]byte(long + "\n"))
			_ = p.CloseWrite()
		}()
		assert.Equal(t, weftio.ErrLineTooLong, c.ReadLine().Wait(ctx))
		assert.Equal(t, weftio.ErrTooLong, c.ReadAll(1000).Wait(ctx))
		b, err := c.ReadAll(0).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, long+"\n", string(b))
		return c.Close().Wait(ctx)
	})
}

func TestCancelledReadLosesNothing(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		first, second := c.ReadLine(), c.ReadLine()
		first.Cancel()
		assert.ErrorIs(t, first.Wait(ctx), context.Canceled)
		short, cancel := promise.ContextTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := c.ReadAll(0).Await(short)
		assert.ErrorIs(t, err, promise.ErrTimeout)
		_, err = p.Write([]byte("kept\n"))
		require.NoError(t, err)
		line, err := second.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "kept", line)
		return c.Close().Wait(ctx)
	})
}

func TestStdReadersAndWritersRunInATask(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		promise.Go(ctx, func(ctx context.Context) error {
			w := bufio.NewWriter(client.Writer(ctx))
			for i := range 1000 {
				fmt.Fprintln(w, i)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return client.CloseWrite().Wait(ctx)
		})
		lines := bufio.NewScanner(server.Reader(ctx))
		n := 0
		for lines.Scan() {
			assert.Equal(t, fmt.Sprint(n), lines.Text())
			n++
		}
		require.NoError(t, lines.Err())
		assert.Equal(t, 1000, n)
		require.NoError(t, server.Close().Wait(ctx))
		return client.Close().Wait(ctx)
	})
}

func TestBigWritesArriveWholeAndWaitForTheReader(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		write := c.Write(data)
		assert.Equal(t, promise.StatePending, write.State(), "above the mark a write waits")
		got := promise.Offload(ctx, func(context.Context) ([]byte, error) { return stdio.ReadAll(p) })
		require.NoError(t, write.Wait(ctx))
		require.NoError(t, c.Flush().Wait(ctx))
		require.NoError(t, c.CloseWrite().Wait(ctx))
		b, err := got.Await(ctx)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, b))
		return c.Close().Wait(ctx)
	})
}

func TestNeverReadingPeerBoundsTheBuffer(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, _ := peer(t, ctx)
		chunk := make([]byte, 10_000)
		full := 0
		for range 10_000 {
			if err, _ := outcomeOf(c.Write(chunk)); err == weftio.ErrBufferFull {
				full++
			}
		}
		assert.Greater(t, full, 5000)
		loop := weftio.LoopFrom(ctx)
		assert.Less(t, loop.Stats().Bytes, int64(4<<20))
		return nil // closing gives up on the peer after the grace
	}, weftio.Grace(10*time.Millisecond), wefttest.Allow("connection"))
}

func outcomeOf[T any](p *promise.Promise[T]) (error, bool) {
	_, err, ok := p.Poll()
	return err, ok
}

func TestHalfClose(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		client.WriteString("question")
		require.NoError(t, client.Output.Close().Wait(ctx))
		require.NoError(t, client.CloseWrite().Wait(ctx), "twice is harmless")
		assert.ErrorIs(t, client.WriteString("more").Wait(ctx), net.ErrClosed)
		b, err := server.ReadAll(0).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "question", string(b))
		server.WriteString("answer")
		require.NoError(t, server.Close().Wait(ctx))
		b, err = client.ReadAll(0).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "answer", string(b))
		require.NoError(t, client.Input.Close().Wait(ctx))
		assert.ErrorIs(t, client.ReadLine().Wait(ctx), net.ErrClosed)
		return client.Close().Wait(ctx)
	})
}

func TestCloseFlushesAndRejectsReaders(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		read := c.ReadLine()
		c.WriteString("bye")
		closed := c.Close()
		assert.Equal(t, closed, c.Close())
		require.NoError(t, closed.Wait(ctx))
		assert.ErrorIs(t, read.Wait(ctx), net.ErrClosed)
		assert.ErrorIs(t, c.WriteString("x").Wait(ctx), net.ErrClosed)
		b, err := promise.Offload(ctx, func(context.Context) ([]byte, error) { return stdio.ReadAll(p) }).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "bye", string(b))
		return nil
	})
}

func TestResetIsAnError(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		read := c.ReadLine()
		require.NoError(t, promise.Pause(ctx).Wait(ctx)) // it is under way: Wine sends an end before the reset
		require.NoError(t, p.SetLinger(0))
		require.NoError(t, p.Close())
		err := read.Wait(ctx)
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		var op *net.OpError
		assert.ErrorAs(t, err, &op)
		return c.Close().Wait(ctx)
	})
}

func TestCancelledDialIsWithdrawn(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		for range 100 {
			p := weftio.Dial(ctx, "tcp", ln.String())
			q := weftio.Dial(ctx, "tcp", fmt.Sprint("localhost:", ln.Port()))
			p.Cancel()
			q.Cancel()
			assert.ErrorIs(t, p.Wait(ctx), context.Canceled)
			assert.ErrorIs(t, q.Wait(ctx), context.Canceled)
			accept := ln.Accept()
			accept.Cancel()
			assert.ErrorIs(t, accept.Wait(ctx), context.Canceled)
		}
		return ln.Close().Wait(ctx)
	})
}

func TestWithConnClosesTheConnection(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		srv := weftio.Serve(ctx, ln, echo)
		var conn *weftio.Conn
		line, err := weftio.WithConn(ctx, "tcp", ln.String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
			conn = c
			c.WriteLine("hi")
			return c.ReadLine().Await(ctx)
		}).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "hi", line)
		assert.ErrorIs(t, conn.ReadLine().Wait(ctx), net.ErrClosed)
		_, err = weftio.WithConn(ctx, "tcp", ln.String(), func(context.Context, *weftio.Conn) (int, error) { return 0, errTest }).Await(ctx)
		assert.Equal(t, errTest, err)
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestManyConnectionsAtOnce(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		srv := weftio.Serve(ctx, ln, echo)
		var all []*promise.Promise[string]
		for i := range 300 {
			all = append(all, weftio.WithConn(ctx, "tcp", ln.String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
				c.WriteLine(fmt.Sprint(i))
				return c.ReadLine().Await(ctx)
			}))
		}
		lines, err := promise.All(all...).Await(ctx)
		require.NoError(t, err)
		for i, line := range lines {
			assert.Equal(t, fmt.Sprint(i), line)
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestConnectionsWorkFromManyGoroutines(t *testing.T) {
	_, ctx := wefttest.Start(t)
	ln := listen(t, ctx, "tcp")
	srv := weftio.Serve(ctx, ln, echo)
	done := make(chan error)
	for i := range 8 {
		go func() {
			c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
			for range 50 {
				if err == nil {
					c.Printf("goroutine %d\n", i)
					_, err = c.ReadLine().Await(ctx)
				}
			}
			if err == nil {
				err = c.Close().Wait(ctx)
			}
			done <- err
		}()
	}
	for range 8 {
		assert.NoError(t, <-done)
	}
	assert.NoError(t, srv.Shutdown(ctx).Wait(ctx))
}

func TestLookups(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		addrs, err := weftio.LookupHost(ctx, "localhost").Await(ctx)
		require.NoError(t, err)
		require.NotEmpty(t, addrs)
		assert.True(t, addrs[0].IsLoopback())
		addrs, err = weftio.LookupHost(ctx, "192.0.2.1").Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "192.0.2.1", addrs[0].String())
		ports, err := weftio.LookupAddrPort(ctx, "127.0.0.1", "8080").Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1:8080", ports[0].String())
		var all []*promise.Promise[int]
		for range 20 {
			p := weftio.LookupHost(ctx, "localhost")
			p.Cancel()
			all = append(all, promise.Map(p.Catch(func(error) *promise.Promise[[]addr] { return promise.Resolved[[]addr](nil) }), func([]addr) (int, error) { return 0, nil }))
		}
		return promise.All(all...).Wait(ctx)
	})
}

func TestConnDefinesWhatItsHalvesShare(t *testing.T) {
	in, out, conn := reflect.TypeFor[*weftio.Input](), reflect.TypeFor[*weftio.Output](), reflect.TypeFor[*weftio.Conn]()
	for i := range in.NumMethod() {
		name := in.Method(i).Name
		if _, shared := out.MethodByName(name); shared {
			_, defined := conn.MethodByName(name)
			assert.True(t, defined, "Input and Output both have %s; Conn has to define it", name)
		}
	}
}
