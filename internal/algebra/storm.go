// SPDX-License-Identifier: MIT

package algebra

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// storm is a program's promises, spread over loops that run, while goroutines settle, cancel, attach to and await them.
type storm struct {
	loops     []*promisetest.Loop
	stops     []*promise.Resolver[promise.Unit]
	stopped   sync.WaitGroup
	promises  []text
	resolvers []*promise.Resolver[string]
	wins      []atomic.Int32  // how many settles of a resolver said true
	calls     []*atomic.Int32 // how often each callback ran
	mu        sync.Mutex      // guards calls
}

const stormGoroutines = 8

// Storm builds what p makes on the given number of loops, has goroutines work on it at the same time, and settles what is left.
// With closing, one of several loops is closed in the midst. It returns what went wrong, "" if nothing did.
func Storm(p Program, loops int, closing bool, seed uint64) string {
	s := &storm{}
	for range loops {
		s.start()
	}
	s.build(p)
	s.wins = make([]atomic.Int32, len(s.resolvers))
	var work sync.WaitGroup
	for g := range stormGoroutines {
		work.Go(func() { s.disturb(rand.New(rand.NewPCG(seed, uint64(g)))) })
	}
	if closing {
		s.stop(0)
	}
	work.Wait()
	for i := range s.resolvers {
		s.settle(i)
	}
	problem := s.finish()
	for i := range s.loops {
		s.stop(i)
	}
	s.stopped.Wait()
	return problem
}

// start makes a loop that a goroutine runs until it is stopped.
func (s *storm) start() {
	l := promisetest.New()
	l.Queue().SetHandler(func(error) {})
	end, stop := promise.New[promise.Unit](l.Context())
	s.loops, s.stops = append(s.loops, l), append(s.stops, stop)
	s.stopped.Go(func() {
		_ = l.Run(func(ctx context.Context) error { return end.NoCancel().Wait(ctx) })
		l.Close()
	})
}

func (s *storm) stop(i int) { s.stops[i].Resolve(promise.Unit{}) }

// build makes the promises. What callbacks return is made before them, so that none waits for itself.
func (s *storm) build(p Program) {
	s.open(p)
	for _, step := range p {
		n := len(s.promises)
		a, c := s.promises[int(step.A)%n], s.promises[int(step.C)%n]
		switch {
		case step.Op >= Map && step.Op <= Finally:
			s.promises = append(s.promises, s.chain(step, a, c))
		case step.Op >= Protected && step.Op <= Cancelable:
			s.promises = append(s.promises, shield(step.Op, a))
		case step.Op >= All && step.Op <= ChooseSplit:
			var ps []text
			for _, i := range step.members() {
				ps = append(ps, s.promises[i%n])
			}
			s.promises = append(s.promises, combine(step.Op, ps))
		case step.Op == Rejected:
			s.promises = append(s.promises, promise.Rejected[string](errStep))
		}
	}
}

// open makes the promises with resolvers, one loop after the other.
func (s *storm) open(p Program) {
	for i, step := range p {
		if step.Op == New || i == 0 {
			p, r := promise.New[string](s.loops[i%len(s.loops)].Context())
			s.promises, s.resolvers = append(s.promises, p), append(s.resolvers, r)
		}
	}
}

// chain attaches a callback that makes a promise, and may return next.
func (s *storm) chain(step Step, p, next text) text {
	n := s.counted()
	result := func(v string, err error) text {
		n.Add(1)
		switch step.deed() {
		case fail:
			return promise.Rejected[string](errStep)
		case panics:
			panic("storm")
		case inner:
			return next
		}
		return promise.From(v, err)
	}
	ok := func(v string) text { return result(v, nil) }
	fail := func(err error) text { return result("", err) }
	switch step.Op {
	case Map:
		return promise.Map(p, func(v string) (string, error) { n.Add(1); return v, nil })
	case Bind:
		return promise.Bind(p, ok)
	case Then:
		return promise.Then(p, ok, fail)
	case Catch:
		return p.Catch(fail)
	}
	return p.Finally(func() *promise.Promise[promise.Unit] {
		return promise.Map(result("", nil), func(string) (promise.Unit, error) { return promise.Unit{}, nil })
	})
}

// counted returns the counter of a new callback.
func (s *storm) counted() *atomic.Int32 {
	n := new(atomic.Int32)
	s.mu.Lock()
	s.calls = append(s.calls, n)
	s.mu.Unlock()
	return n
}

// disturb does random things to random promises.
func (s *storm) disturb(r *rand.Rand) {
	for range 40 {
		p := s.promises[r.IntN(len(s.promises))]
		switch r.IntN(6) {
		case 0, 1:
			if len(s.resolvers) > 0 {
				s.settle(r.IntN(len(s.resolvers)))
			}
		case 2:
			p.Cancel()
		case 3:
			n := s.counted()
			p.OnSettle(func(string, error) { n.Add(1) })
		case 4:
			n := s.counted()
			promise.Map(p, func(v string) (string, error) { n.Add(1); return v, nil })
		case 5:
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				_, _ = p.NoCancel().Await(ctx)
				close(done)
			}()
			cancel()
			<-done
		}
	}
}

func (s *storm) settle(i int) {
	if s.resolvers[i].Resolve("settled") {
		s.wins[i].Add(1)
	}
}

// finish waits until everything is settled, and counts.
func (s *storm) finish() string {
	for i, p := range s.promises {
		<-p.Done()
		if outcomeOf(p) == "pending" {
			return fmt.Sprintf("promise %d is pending after its Done", i)
		}
	}
	for i := range s.wins {
		if n := s.wins[i].Load(); n > 1 {
			return fmt.Sprintf("resolver %d settled %d times", i, n)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range s.calls {
		if n.Load() > 1 {
			return fmt.Sprintf("callback %d ran %d times", i, n.Load())
		}
	}
	return ""
}
