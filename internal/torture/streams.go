// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	stdio "io"
	"math/rand/v2"
	"net"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// stream is a connection from which numbered text comes.
type stream struct {
	w    *worker
	c    *weftio.Conn
	text text
}

// streams reads numbered text from two connections, by many means that give up early. No byte may be lost or come twice.
func streams(w *worker) {
	lines := 20 + w.rnd.IntN(200)
	p, err := newPeers(w, func(c *net.TCPConn, rnd *rand.Rand) {
		ask := make([]byte, 1)
		if _, err := stdio.ReadFull(c, ask); err == nil {
			_ = tell(c, rnd, &text{zero: ask[0]}, lines*lineLength)
		}
	})
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	w.task("a reader", func(ctx context.Context) error {
		var all []*stream
		for _, zero := range []byte{'0', 'a'} {
			c, err := await(ctx, w, "Dial", weftio.Dial(ctx, "tcp", p.address()))
			if err != nil {
				return err
			}
			c.Write([]byte{zero})
			all = append(all, &stream{w: w, c: c, text: text{zero: zero}})
		}
		for _, s := range all {
			if err := s.read(ctx, all); err != nil {
				return err
			}
		}
		for _, s := range all {
			if s.text.at != lines*lineLength {
				w.fail("a stream of %d bytes ended after %d", lines*lineLength, s.text.at)
			}
			_ = await1(ctx, w, "Close", s.c.Close())
		}
		return nil
	})
	p.end()
}

// await1 is await without the value.
func await1(ctx context.Context, w *worker, what string, p *promise.Promise[promise.Unit]) error {
	_, err := await(ctx, w, what, p)
	return err
}

// read reads to the end of the stream.
func (s *stream) read(ctx context.Context, all []*stream) error {
	means := []func(ctx context.Context, all []*stream) error{
		s.readLine, s.readTimedLine, s.readLineUnderShortCtx, s.readBytes, s.readInto, s.readCanceledBind, s.pickLine,
	}
	for {
		err := means[s.w.rnd.IntN(len(means))](ctx, all)
		switch {
		case errors.Is(err, stdio.EOF):
			return nil
		case err != nil && (ctx.Err() != nil || !calledOff(err)):
			return err
		}
	}
}

// got checks what was read.
func (s *stream) got(problem string) {
	if problem != "" {
		s.w.fail("%s", problem)
	}
}

func (s *stream) readLine(ctx context.Context, _ []*stream) error {
	line, err := await(ctx, s.w, "ReadLine", s.c.ReadLine())
	if err == nil {
		s.got(s.text.line(line))
	}
	return err
}

func (s *stream) readTimedLine(ctx context.Context, _ []*stream) error {
	d := s.w.upTo(time.Millisecond)
	line, err := await(ctx, s.w, "a ReadLine with a timeout", weftio.WithTimeout(ctx, d, s.c.ReadLine()))
	if err == nil {
		s.got(s.text.line(line))
	}
	return err
}

func (s *stream) readLineUnderShortCtx(ctx context.Context, _ []*stream) error {
	short, cancel := promise.ContextTimeout(ctx, s.w.upTo(time.Millisecond))
	defer cancel()
	if s.w.one(2) {
		s.w.elsewhere(cancel)
	}
	line, err := await(short, s.w, "a ReadLine under a ctx that ends", s.c.ReadLine())
	if err == nil {
		s.got(s.text.line(line))
	}
	return err
}

func (s *stream) readBytes(ctx context.Context, _ []*stream) error {
	p := s.c.Read(1 + s.w.rnd.IntN(30))
	if s.w.one(2) {
		p = weftio.WithTimeout(ctx, s.w.upTo(time.Millisecond), p)
	}
	b, err := await(ctx, s.w, "Read", p)
	if err == nil {
		s.got(s.text.next(b))
	}
	return err
}

func (s *stream) readInto(ctx context.Context, _ []*stream) error {
	short, cancel := promise.ContextTimeout(ctx, s.w.upTo(time.Millisecond))
	defer cancel()
	b := make([]byte, 1+s.w.rnd.IntN(30))
	defer s.w.watch("streams: a Reader's Read")()
	n, err := s.c.Reader(short).Read(b)
	s.got(s.text.next(b[:n]))
	return err
}

func (s *stream) readCanceledBind(ctx context.Context, _ []*stream) error {
	p := promise.Bind(s.c.ReadLine(), func(line string) *promise.Promise[promise.Unit] {
		s.got(s.text.line(line))
		return promise.Resolved(promise.Unit{})
	})
	s.w.elsewhere(p.Cancel)
	return await1(ctx, s.w, "a Bind that is cancelled", p)
}

// pickLine takes a line from whichever stream has one first.
func (s *stream) pickLine(ctx context.Context, all []*stream) error {
	var ps []*promise.Promise[string]
	ready := false
	for _, t := range all {
		if t.text.at%lineLength == lineLength-1 {
			return s.readLine(ctx, all) // an empty line would not say whose it is
		}
	}
	for _, t := range all {
		p := t.c.ReadLine()
		ps = append(ps, p)
		ready = t.takeReady(p) || ready
	}
	if ready { // there is no race any more
		for i, p := range ps {
			if p.State() == promise.StatePending {
				p.Cancel()
				all[i].takeReady(p)
			}
		}
		return nil
	}
	line, err := await(ctx, s.w, "a Pick of ReadLines", promise.Pick(ps...))
	if err != nil {
		return s.readLine(ctx, all) // the end of one of them
	}
	for _, t := range all {
		if try := t.text; try.line(line) == "" {
			t.text = try
			return nil
		}
	}
	s.w.fail("a Pick read %q; the streams are at %d and %d", line, all[0].text.at, all[1].text.at)
	return nil
}

// takeReady checks the line that p has already, if it has one.
func (s *stream) takeReady(p *promise.Promise[string]) bool {
	line, err, ok := p.Poll()
	if ok && err == nil {
		s.got(s.text.line(line))
	}
	return ok
}
