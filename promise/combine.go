// SPDX-License-Identifier: MIT

package promise

// condition says which outcome of a member ends a combination; the last one always does.
type condition uint8

const (
	atLast condition = iota
	atFirst
	atRejection
	atFulfilment
)

// group is the members of a combination, of whatever types. The mutex of its queue guards it.
type group struct {
	q       *Queue
	ins     []member
	ends    condition
	cancels bool      // the members that are still pending at the end are cancelled
	left    int       // members without an outcome that was noted
	err     rejection // the first one
	last    *member   // the member whose outcome ended it
	over    bool
	result  interface{ settleNow() }
}

// member is one promise of a group: its place among that promise's callbacks.
type member struct {
	node  node
	p     awaited
	of    *group
	noted bool
}

// combination is the result of a combinator: a promise that reads its outcome off the members once an ending came.
type combination[R any] struct {
	Promise[R]
	group
	finish func(g *group) (R, rejection) // called once; without code of users'
}

// combine returns the combination of ps, which the combinator of the given name was called with.
func combine[T, R any](name string, ps []*Promise[T], ends condition, cancels bool, finish func(*group) (R, rejection)) *Promise[R] {
	ins := make([]member, len(ps))
	for i, p := range ps {
		if p == nil {
			panicNilMember(name)
		}
		ins[i].p = p
	}
	return combineMembers(ins, ends, cancels, finish)
}

func panicNilMember(name string) {
	panic("promise: " + name + ": a promise is nil: leave it out, or pass promise.Resolved(v)")
}

// mustHave panics for a combinator that waits for the first of its members and has none.
func mustHave[T any](name string, ps []*Promise[T]) {
	if len(ps) == 0 {
		panic("promise: " + name + " of no promises would never settle: pass at least one")
	}
}

func combineMembers[R any](ins []member, ends condition, cancels bool, finish func(*group) (R, rejection)) *Promise[R] {
	c := &combination[R]{finish: finish}
	q := homeOf(ins)
	c.group = group{q: q, ins: ins, ends: ends, cancels: cancels, left: len(ins), result: c}
	c.Promise.q = q
	for i := range ins {
		ins[i].of, ins[i].node.cb, ins[i].node.concludes = &c.group, &ins[i], true
	}
	if c.endedBefore() {
		v, r := finish(&c.group)
		c.eachLoser(func(p awaited) { cancel(p, c.blame()) })
		c.ignoreLosers()
		c.born(v, r.err)
		return &c.Promise
	}
	c.from = c
	c.made()
	c.state.Store(hasRelease)
	c.attachAll(ins)
	return &c.Promise
}

// endedBefore notes the members that have an outcome already and reports whether that ends the combination.
func (g *group) endedBefore() bool {
	if g.ends == atFirst {
		g.last = g.firstSettled()
		return g.last != nil
	}
	for i := range g.ins {
		m := &g.ins[i]
		if err, settled := m.p.outcome(); settled {
			m.noted = true
			g.note(m, err)
		}
	}
	return g.over || len(g.ins) == 0
}

// firstSettled returns the member that counts as the first of those settled before the call: the first rejected one, else any
// that is fulfilled, nil when all are pending.
func (g *group) firstSettled() *member {
	fulfilled := 0
	for i := range g.ins {
		switch err, settled := g.ins[i].p.outcome(); {
		case err != nil:
			return &g.ins[i]
		case settled:
			fulfilled++
		}
	}
	if fulfilled == 0 {
		return nil
	}
	skip := g.draw(fulfilled)
	for i := range g.ins {
		if g.ins[i].p.pending() {
			continue
		}
		if skip == 0 {
			return &g.ins[i]
		}
		skip--
	}
	return nil // not reached: what is settled stays settled
}

// draw returns one of the numbers below n.
func (g *group) draw(n int) int {
	if n == 1 || g.q == nil {
		return 0
	}
	g.q.lock()
	defer g.q.unlock()
	return g.q.random.IntN(n)
}

// attachAll attaches the members without an outcome. The combination may be over before all are: those attached too late are
// let go again.
func (c *combination[R]) attachAll(ins []member) {
	for i := range ins {
		if m := &ins[i]; !m.noted && !m.p.attachFrom(c.group.q, &m.node) {
			m.run()
		}
	}
	q := c.group.q
	q.lock()
	if c.isSettled() {
		letGo(q, ins)
	}
	q.unlock()
}

// run is called when the member's promise has settled on another loop.
func (m *member) run() {
	q := m.of.q
	m.p.ran(q, &m.node)
	q.lock()
	m.conclude()
	q.unlock()
}

// conclude settles the combination if the member's outcome ends that.
func (m *member) conclude() {
	if err, _ := m.p.outcome(); m.of.note(m, err) && !m.of.q.closed.Load() {
		m.of.result.settleNow()
	}
}

// note counts a member's outcome and reports whether it ends the combination.
func (g *group) note(m *member, err error) (ends bool) {
	if g.over {
		return false
	}
	g.left--
	if err != nil && g.err.err == nil {
		g.err = rejectionOf(m.p)
	}
	switch g.ends {
	case atFirst:
		g.over = true
	case atRejection:
		g.over = err != nil
	case atFulfilment:
		g.over = err == nil
	}
	g.over = g.over || g.left == 0
	g.last = m
	return g.over
}

// settleNow cancels the losers and settles the result, in this order: so the losers' callbacks are queued before the
// result's. The queue is locked.
func (c *combination[R]) settleNow() {
	v, r := c.finish(&c.group)
	cause := canceled(c.blame())
	c.eachLoser(func(p awaited) { c.group.q.cancelLocked(p, cause) })
	if root := c.root(); !root.isSettled() {
		root.fill(v, r.err, r.manner)
	}
}

// blame returns the cause of the losers' cancellation.
func (g *group) blame() error {
	if g.ends == atRejection {
		return g.err.err
	}
	return nil
}

// eachLoser calls f with the members that are to be cancelled.
func (g *group) eachLoser(f func(p awaited)) {
	if !g.cancels {
		return
	}
	for i := range g.ins {
		if p := g.ins[i].p; p.pending() {
			f(p)
		}
	}
}

// ignoreLosers is letGo for members that were never attached.
func (g *group) ignoreLosers() {
	for i := range g.ins {
		if m := &g.ins[i]; m.p.pending() {
			m.p.detach(&m.node, true)
		} else {
			m.p.outcome()
		}
	}
}

// seek sends a cancellation to all members.
func (c *combination[R]) seek(s *search) fate {
	for i := len(c.ins) - 1; i >= 0; i-- {
		s.into(c.ins[i].p)
	}
	return passed
}

// release lets go of the members: a result that has settled holds on to nothing.
func (c *combination[R]) release() {
	letGo(c.group.q, c.ins)
	c.ins, c.last, c.over = nil, nil, true
}

// letGo detaches members whose outcomes concern nobody here any more. q is locked.
func letGo(q *Queue, ins []member) {
	for i := range ins {
		q.detachInput(ins[i].p, &ins[i].node, true)
	}
}

// homeOf returns the loop of what is derived from ins: that of the first pending one, else the current one, else that of
// any, else nil.
func homeOf(ins []member) *Queue {
	var any *Queue
	for i := range ins {
		q := ins[i].p.queue()
		if q != nil && ins[i].p.pending() {
			return q
		}
		if any == nil {
			any = q
		}
	}
	if q, _ := locate(); q != nil {
		return q
	}
	return any
}

// typed returns the promise of a member whose type is known.
func typed[T any](m *member) *Promise[T] { return m.p.(*Promise[T]) }
