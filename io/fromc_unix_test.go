// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
	"github.com/weft-go/weft/wefttest"
)

func TestCThreadsSettlePromises(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		n, token := weftio.FromC[int64](ctx)
		assert.Equal(t, uv.TokenType, uvtest.ResolveBytes(token, "no number"), "the promise stays pending")
		s := uvtest.NewServer(false)
		defer s.End()
		s.Ask(token)
		v, err := n.Await(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 42, v)
		assert.Equal(t, uv.TokenAlready, uvtest.ResolveInt(token, 1))

		text, token := weftio.FromC[[]byte](ctx)
		assert.Zero(t, uvtest.ResolveBytes(token, "some bytes"))
		b, err := text.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "some bytes", string(b))

		text, token = weftio.FromC[[]byte](ctx)
		assert.Zero(t, uvtest.Reject(token, uv.ENOENT, "key k"))
		_, err = text.Await(ctx)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.EqualError(t, err, "from C: key k: no such file or directory")
		var ce *weftio.CError
		assert.True(t, errors.As(err, &ce) && ce.Message == "key k")

		n, token = weftio.FromC[int64](ctx)
		assert.Zero(t, uvtest.Reject(token, uv.TokenCanceled, ""))
		_, err = n.Await(ctx)
		assert.ErrorIs(t, err, context.Canceled)

		n, token = weftio.FromC[int64](ctx)
		assert.Zero(t, uvtest.Reject(token, uv.TokenClosed, ""))
		_, err = n.Await(ctx)
		assert.Equal(t, &weftio.CError{Code: uv.TokenClosed}, err, "a loop of C's perhaps: this one is open")
		return nil
	})
}

func TestGoroutinesAwaitWhatCGives(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		got := promise.Offload(ctx, func(ctx context.Context) (int64, error) {
			n, token := weftio.FromC[int64](ctx)
			s := uvtest.NewServer(false)
			defer s.End()
			s.Ask(token)
			return n.Await(ctx)
		})
		v, err := got.Await(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 42, v)
		return nil
	})
}

func TestOfEightCThreadsOneWins(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		uvtest.Dropped()
		for range 50 {
			p, token := weftio.FromC[*weftio.CPointer](ctx)
			won, lost, code := uvtest.Race(token, 8)
			assert.Equal(t, 1, won)
			assert.Equal(t, 7, lost)
			assert.Equal(t, uv.TokenAlready, code)
			v, err := p.Await(ctx)
			require.NoError(t, err)
			assert.Equal(t, 7, uvtest.Dropped())
			assert.NotNil(t, v.Get())
			v.Drop()
			v.Drop()
			assert.Nil(t, v.Get())
			assert.Equal(t, 1, uvtest.Dropped())
		}
		return nil
	})
}

func TestCancelAgainstCThreads(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		uvtest.Dropped()
		uvtest.Told()
		for i := range 50 {
			p, token := weftio.FromC[*weftio.CPointer](ctx)
			require.Zero(t, uvtest.OnCancel(token))
			if i%2 == 0 {
				p.Cancel()
			} else {
				go p.Cancel()
			}
			require.NoError(t, promise.Pause(ctx).Wait(ctx))
			won, _, code := uvtest.Race(token, 8)
			v, err := p.Await(ctx)
			told := uvtest.Told()
			if err == nil {
				assert.Equal(t, 1, won)
				assert.Zero(t, told)
				v.Drop()
			} else {
				assert.ErrorIs(t, err, promise.ErrCanceled)
				assert.LessOrEqual(t, won, 1, "resolved before the loop had seen the cancel")
				for won == 1 && uvtest.ResolveInt(token, 0) != uv.TokenAlready {
					t.Fatal("who won is told so")
				}
				if won == 0 {
					assert.Equal(t, 1, told)
					assert.Equal(t, uv.TokenCanceled, code)
				}
			}
			require.NoError(t, promise.Sleep(ctx, 0).Wait(ctx))
			for left := 8; left > 0; left -= uvtest.Dropped() { // the last may be on its way
				require.NoError(t, promise.Pause(ctx).Wait(ctx))
			}
		}
		return nil
	})
}

func TestTheEndOfTheContextCancelsInC(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		uvtest.Told()
		sub, cancel := context.WithCancel(ctx)
		p, token := weftio.FromC[int64](sub)
		require.Zero(t, uvtest.OnCancel(token))
		cancel() // which rejects p from a goroutine of std's, perhaps before it is waited for
		assert.ErrorIs(t, p.Wait(ctx), context.Canceled)
		require.NoError(t, promise.Pause(ctx).Wait(ctx)) // C is told by the loop, ahead of what is queued from here on
		assert.Equal(t, 1, uvtest.Told())
		assert.Equal(t, uv.TokenCanceled, uvtest.ResolveInt(token, 1))
		p, token = weftio.FromC[int64](sub)
		assert.ErrorIs(t, p.Wait(ctx), context.Canceled)
		assert.Equal(t, uv.TokenCanceled, uvtest.ResolveInt(token, 1), "ended before it began")
		return nil
	})
}

func TestCloseSettlesWhatCHasNot(t *testing.T) {
	l, err := weftio.Start()
	require.NoError(t, err)
	ctx := l.Context(context.Background())
	uvtest.Told()
	before := uv.CountTokens()
	p, token := weftio.FromC[int64](ctx)
	s, stream := weftio.StreamFromC[int64](ctx, 4)
	require.Zero(t, uvtest.OnCancel(token))
	require.Zero(t, uvtest.Push(stream, 7))
	c := l.CLoop()
	uvtest.Ref(c)
	require.Zero(t, uvtest.Post(c))
	next := s.Next()
	v, err := next.Await(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 7, v)
	assert.Equal(t, 2, l.Stats().Tokens-base(t))
	require.NoError(t, closeLoop(l))
	assert.Equal(t, 2, uvtest.Told(), "the post and the cancel")
	assert.ErrorIs(t, p.Wait(context.Background()), promise.ErrLoopClosed)
	assert.ErrorIs(t, s.Next().Wait(context.Background()), promise.ErrLoopClosed)
	assert.Equal(t, uv.TokenClosed, uvtest.ResolveInt(token, 1))
	assert.Equal(t, uv.TokenClosed, uvtest.Push(stream, 1))
	assert.Equal(t, uv.TokenClosed, uvtest.Post(c))
	uvtest.Unref(c)
	after := uv.CountTokens()
	assert.EqualValues(t, 2, after.Closed-before.Closed)
	assert.Zero(t, l.Stats())
	p, token = weftio.FromC[int64](ctx)
	assert.ErrorIs(t, p.Wait(context.Background()), promise.ErrLoopClosed)
	assert.Equal(t, uv.TokenClosed, uvtest.ResolveInt(token, 1))
}

// base is how many tokens a loop has for itself.
func base(t *testing.T) int {
	l, err := weftio.Start()
	require.NoError(t, err)
	defer l.Close()
	return l.Stats().Tokens
}

func TestCloseInTheMidstOfCThreads(t *testing.T) {
	for range 10 {
		l, err := weftio.Start()
		require.NoError(t, err)
		ctx := l.Context(context.Background())
		uvtest.Dropped()
		var ps []*promise.Promise[*weftio.CPointer]
		var tokens []weftio.Token
		for range 20 {
			p, token := weftio.FromC[*weftio.CPointer](ctx)
			ps, tokens = append(ps, p), append(tokens, token)
		}
		stream, token := weftio.StreamFromC[int64](ctx, 8)
		end := uvtest.Produce(token, 1_000_000)
		raced := make(chan struct{})
		go func() {
			defer close(raced)
			for _, token := range tokens {
				won, lost, code := uvtest.Race(token, 8)
				assert.Equal(t, 8, won+lost)
				assert.Contains(t, []uv.Errno{uv.TokenAlready, uv.TokenClosed}, code)
			}
		}()
		_, err = stream.Next().Await(ctx)
		require.NoError(t, err)
		require.NoError(t, closeLoop(l))
		<-raced
		_, code := end()
		assert.Equal(t, uv.TokenClosed, code)
		drops := uvtest.Dropped()
		for _, p := range ps {
			v, err := p.Await(context.Background())
			if err == nil {
				v.Drop()
				continue
			}
			assert.ErrorIs(t, err, promise.ErrLoopClosed)
		}
		assert.Equal(t, 160, drops+uvtest.Dropped())
	}
}

func TestStreamsFromCPushBack(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		for _, room := range []int{1, 2, 7, 100} {
			s, token := weftio.StreamFromC[int64](ctx, room)
			end := uvtest.Produce(token, 2000)
			var want int64
			for v, err := range s.All(ctx) {
				require.NoError(t, err)
				require.Equal(t, want, v)
				want++
			}
			full, code := end()
			assert.EqualValues(t, 2000, want)
			assert.Zero(t, code)
			if room == 1 {
				assert.Positive(t, full)
			}
			_, err := s.Next().Await(ctx)
			assert.Equal(t, weftio.EOF, err)
			assert.Equal(t, uv.TokenAlready, uvtest.Push(token, 1))
		}
		return nil
	})
}

func TestStreamsFromCEnd(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		s, token := weftio.StreamFromC[int64](ctx, 2)
		first, second := s.Next(), s.Next()
		first.Cancel()
		require.Zero(t, uvtest.Push(token, 1))
		v, err := second.Await(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 1, v, "a Next that was cancelled takes nothing")
		require.Zero(t, uvtest.Push(token, 2))
		require.Zero(t, uvtest.Push(token, 3))
		assert.Equal(t, uv.TokenFull, uvtest.Push(token, 4))
		require.Zero(t, uvtest.Reject(token, uv.EPIPE, "gone"))
		v, err = s.Next().Await(ctx)
		require.NoError(t, err, "what came before the end is still there")
		assert.EqualValues(t, 2, v)
		v, err = s.Next().Await(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 3, v)
		_, err = s.Next().Await(ctx)
		assert.ErrorIs(t, err, uv.EPIPE)

		s, token = weftio.StreamFromC[int64](ctx, 2)
		uvtest.Told()
		require.Zero(t, uvtest.OnCancel(token))
		waiting := s.Next()
		s.Cancel()
		_, err = waiting.Await(ctx)
		assert.ErrorIs(t, err, promise.ErrCanceled)
		assert.Equal(t, 1, uvtest.Told())
		assert.Equal(t, uv.TokenCanceled, uvtest.Push(token, 1))
		return nil
	})
}

func TestCWaitsForGoPromises(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		inC := func(end func() (uv.Errno, int64, string)) (code uv.Errno, v int64, text string) {
			_, err := promise.Offload(ctx, func(context.Context) (promise.Unit, error) {
				code, v, text = end()
				return promise.Unit{}, nil
			}).Await(ctx)
			require.NoError(t, err)
			return code, v, text
		}
		p, r := promise.New[int64](ctx)
		h, err := weftio.ToC(ctx, p)
		require.NoError(t, err)
		end, code := uvtest.AwaitC(h)
		require.Zero(t, code)
		assert.Equal(t, uv.TokenType, uvtest.ResolveInt(weftio.Token(h), 1))
		_, again := uvtest.AwaitC(h)
		assert.Equal(t, uv.TokenAlready, again)
		r.Resolve(42)
		code, v, _ := inC(end)
		assert.Zero(t, code)
		assert.EqualValues(t, 42, v)

		h, err = weftio.ToC(ctx, promise.Resolved([]byte("early")))
		require.NoError(t, err)
		require.NoError(t, promise.Sleep(ctx, 0).Wait(ctx))
		end, code = uvtest.AwaitC(h)
		require.Zero(t, code)
		_, _, text := inC(end)
		assert.Equal(t, "early", text)

		h, err = weftio.ToC(ctx, promise.Rejected[int64](fs.ErrClosed))
		require.NoError(t, err)
		end, _ = uvtest.AwaitC(h)
		code, _, text = inC(end)
		assert.Equal(t, uv.UNKNOWN, code)
		assert.Equal(t, "file already closed", text)
		require.NoError(t, promise.Sleep(ctx, 0).Wait(ctx))
		assert.Empty(t, weftio.LoopFrom(ctx).Tokens())
		return nil
	})
}

func TestTokensAreListed(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		uv.SetDebug(true)
		defer uv.SetDebug(false)
		p, token := weftio.FromC[int64](ctx)
		list := weftio.LoopFrom(ctx).Tokens()
		require.Len(t, list, 1)
		assert.Equal(t, token, list[0].Token)
		assert.Contains(t, list[0].Made, "TestTokensAreListed")
		assert.True(t, strings.HasPrefix(list[0].String(), "token int 0x"))
		p.Cancel()
		assert.ErrorIs(t, p.Wait(ctx), promise.ErrCanceled)
		require.NoError(t, promise.Pause(ctx).Wait(ctx))
		assert.Empty(t, weftio.LoopFrom(ctx).Tokens())
		return nil
	})
}

func TestALostPointerIsDropped(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		uvtest.Dropped()
		func() {
			p, token := weftio.FromC[*weftio.CPointer](ctx)
			require.Zero(t, uvtest.ResolvePointer(token))
			_, err := p.Await(ctx)
			require.NoError(t, err)
		}()
		for uvtest.Dropped() == 0 { // hangs when it is not
			runtime.GC()
			require.NoError(t, promise.Sleep(ctx, 1).Wait(ctx))
		}
		return nil
	})
}

// A C thread answers each request with a number, on 2 ways: by a token that a task awaits, and, as programs without weft do, by an
// exported Go function that sends to a channel. Both have the cost of asking.
func BenchmarkCThreadAnswers(b *testing.B) {
	b.Run("token", func(b *testing.B) {
		err := weftio.Run(context.Background(), func(ctx context.Context) error {
			s := uvtest.NewServer(false)
			defer s.End()
			b.ResetTimer()
			for range b.N {
				p, token := weftio.FromC[int64](ctx)
				s.Ask(token)
				if _, err := p.Await(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(b, err)
	})
	b.Run("callback", func(b *testing.B) {
		s := uvtest.NewServer(true)
		defer s.End()
		for range b.N {
			s.Ask(0)
			<-s.Answers()
		}
	})
}
