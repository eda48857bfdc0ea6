// SPDX-License-Identifier: MIT

package main

import (
	"context"

	"github.com/weft-go/weft/bench/hash"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// work is how often each message is hashed.
var work int

var styles = map[string]func(context.Context, *weftio.Listener){
	"callback": func(ctx context.Context, ln *weftio.Listener) { weftio.ServeCallback(ctx, ln, pieces) },
	"task":     func(ctx context.Context, ln *weftio.Listener) { weftio.Serve(ctx, ln, bytes) },
	"lines":    func(ctx context.Context, ln *weftio.Listener) { weftio.Serve(ctx, ln, lines) },
	"lazy":     func(ctx context.Context, ln *weftio.Listener) { weftio.Serve(ctx, ln, lines, weftio.LazyStart()) },
}

// pieces echoes without a task.
func pieces(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
	if work == 0 {
		return c.Each(c.Write)
	}
	return c.Each(func(piece []byte) *promise.Promise[promise.Unit] {
		hash.Sum(piece, work)
		return c.Write(piece)
	})
}

// bytes echoes in a task.
func bytes(ctx context.Context, c *weftio.Conn) error {
	buf := make([]byte, 4096)
	for {
		n, err := c.ReadInto(buf).Await(ctx)
		if err != nil {
			return end(err)
		}
		hash.Sum(buf[:n], work)
		if err := c.Write(buf[:n]).Wait(ctx); err != nil {
			return err
		}
	}
}

// lines echoes lines in a task.
func lines(ctx context.Context, c *weftio.Conn) error {
	for {
		line, err := c.ReadLine().Await(ctx)
		if err != nil {
			return end(err)
		}
		if err := c.WriteLine(line).Wait(ctx); err != nil {
			return err
		}
	}
}

// end makes the end of the input no error.
func end(err error) error {
	if err == weftio.EOF {
		return nil
	}
	return err
}
