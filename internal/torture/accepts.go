// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"fmt"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// accepts accepts connections by means that give up early. Each connection that a peer makes must be answered once.
func accepts(w *worker) {
	ln, err := await(context.Background(), w, "Listen", weftio.Listen(w.ctx, "tcp", "127.0.0.1:0"))
	if err != nil {
		if !w.over(err) {
			w.fail("Listen: %v", err)
		}
		return
	}
	w.listens(ln)
	n := 1 + w.rnd.IntN(60)
	for i := range n {
		rnd := w.fork()
		w.errands.Go(func() {
			linger(rnd)
			if err := w.introduce(ln.String(), i, func() {}); err != nil && !w.closing {
				w.fail("client %d: %v", i, err)
			}
		})
	}
	a := &accepting{w: w, ln: ln, seen: map[string]bool{}}
	w.task("a task that accepts", func(ctx context.Context) error {
		for a.taken < n {
			if err := a.take(ctx); err != nil {
				return err
			}
		}
		_, err := await(ctx, w, "the connections' tasks", promise.All(a.tasks...))
		return err
	})
	_ = w.settled("Close of a listener", ln.Close())
}

// introduce connects, says so, tells the other end who it is, and waits for the answer.
func (w *worker) introduce(address string, id int, connected func()) error {
	c, err := w.dialPeer(address)
	connected()
	if err != nil {
		return err
	}
	defer c.Close()
	defer w.watch(w.job.name + ": a client's answer")()
	if _, err := fmt.Fprintf(c, "%d\n", id); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if want := fmt.Sprintf("%d\n", id); err == nil && answer != want {
		err = fmt.Errorf("the answer is %q", answer)
	}
	return err
}

// accepting is what accepts has accepted. Loop goroutine only.
type accepting struct {
	w     *worker
	ln    *weftio.Listener
	taken int
	seen  map[string]bool
	tasks []*promise.Promise[promise.Unit]
}

// take waits for one connection, or gives up early.
func (a *accepting) take(ctx context.Context) error {
	var p *promise.Promise[*weftio.Conn]
	switch a.w.rnd.IntN(6) {
	case 0:
		p = a.ln.Accept()
	case 1:
		p = weftio.WithTimeout(ctx, a.w.upTo(time.Millisecond), a.ln.Accept())
	case 2:
		p = promise.Pick(a.ln.Accept(), a.ln.Accept(), a.ln.Accept())
	case 3:
		p = promise.Pick(weftio.WithTimeout(ctx, a.w.upTo(time.Millisecond), a.ln.Accept()), a.ln.Accept())
	case 4:
		short, cancel := promise.ContextTimeout(ctx, a.w.upTo(time.Millisecond))
		defer cancel()
		c, err := await(short, a.w, "an Accept under a ctx that ends", a.ln.Accept())
		p = promise.From(c, err)
	case 5:
		b := promise.Bind(a.ln.Accept(), func(c *weftio.Conn) *promise.Promise[promise.Unit] {
			a.serve(ctx, c)
			return promise.Resolved(promise.Unit{})
		})
		a.w.elsewhere(b.Cancel)
		return a.unless(ctx, await1(ctx, a.w, "a Bind of Accept that is cancelled", b))
	}
	c, err := await(ctx, a.w, "Accept", p)
	if err == nil {
		a.serve(ctx, c)
	}
	return a.unless(ctx, err)
}

// unless returns err, unless it says that an Accept was called off.
func (a *accepting) unless(ctx context.Context, err error) error {
	if calledOff(err) && ctx.Err() == nil {
		return nil
	}
	return err
}

// serve answers a connection in a task of its own.
func (a *accepting) serve(ctx context.Context, c *weftio.Conn) {
	a.taken++
	a.tasks = append(a.tasks, promise.Go(ctx, func(ctx context.Context) error {
		id, err := await(ctx, a.w, "a client's introduction", c.ReadLine())
		if err != nil {
			return err
		}
		if a.seen[id] {
			a.w.fail("client %s was accepted twice", id)
		}
		a.seen[id] = true
		c.WriteLine(id)
		return await1(ctx, a.w, "Close of an accepted connection", c.Close())
	}))
}
