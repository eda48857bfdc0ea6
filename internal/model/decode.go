// SPDX-License-Identifier: MIT

package model

import "math/rand/v2"

const (
	stepBytes = 10
	maxSteps  = 60
	// maxJoins bounds the steps that join errors: nested, these double.
	maxJoins = 5
)

// Decode makes a program of any bytes.
func Decode(b []byte, loops int) Program {
	d := decoder{p: Program{Loops: loops}}
	for len(b) >= stepBytes && len(d.p.Steps) < maxSteps {
		d.step([stepBytes]byte(b))
		b = b[stepBytes:]
	}
	return d.finish()
}

// Random makes a program of a seed.
func Random(seed uint64, loops int) Program {
	r := rand.New(rand.NewPCG(seed, uint64(loops)))
	b := make([]byte, stepBytes*(3+r.IntN(28)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return Decode(b, loops)
}

// decoder knows the steps so far by what later ones may need them for.
type decoder struct {
	p                             Program
	promises, roots, hosts, tasks []int
	contexts                      []int
	joins                         int
	ret                           []byte // for each step, the byte that will say which promise its callback returns
}

// draw takes a byte's choice of a list.
func draw(from []int, b byte) int {
	if len(from) == 0 {
		return none
	}
	return from[int(b)%len(from)]
}

var lottery = func() (ops []Op) {
	for op, t := range traitsOf {
		for range t.weight {
			ops = append(ops, Op(op))
		}
	}
	return ops
}()

func (d *decoder) step(b [stepBytes]byte) {
	op := lottery[int(b[0])%len(lottery)]
	switch {
	case len(d.promises) == 0 && traitsOf[op].most > 0, op == EndContext && len(d.contexts) == 0:
		op = New
	case (op == Resolve || op == Reject || op == RejectCanceled) && len(d.roots) == 0:
		op = New
	case op == Any || op == Finally:
		if d.joins++; d.joins > maxJoins {
			op = Then - Op(b[1]%2) // Bind or Then
			if len(d.promises) == 0 {
				op = New
			}
		}
	}
	s := Step{Op: op, Ctx: none, Ret: none, Raw: b[5]&1 != 0, Loop: int(b[6]) % d.p.Loops, D: int(b[7] % 6), End: End(b[8] % byte(endCount))}
	d.place(&s, b[1])
	d.choosePromises(&s, b[2:6])
	d.chooseContext(&s, b[6], b[7])
	d.add(s, b[9])
}

// place says who does the step.
func (d *decoder) place(s *Step, b byte) {
	s.Inside, s.On = none, none
	if traitsOf[s.Op].top {
		return
	}
	hosts := d.hosts
	if s.Op == Await && len(d.tasks) > 0 && b&3 != 0 {
		hosts = d.tasks
	}
	if len(hosts) > 0 && (b&1 == 1 || s.Op == Await && b&3 != 0) {
		s.Inside = draw(hosts, b>>2)
		return
	}
	if b>>1&3 != 0 {
		s.On = int(b>>3) % d.p.Loops
		s.Later = b>>6 == 0
	}
}

func (d *decoder) choosePromises(s *Step, b []byte) {
	t := traitsOf[s.Op]
	from := d.promises
	if s.Op == Resolve || s.Op == Reject || s.Op == RejectCanceled {
		from = d.roots
	}
	n := t.least
	if more := t.most - t.least; more > 0 && len(from) > 0 {
		n += int(b[3]>>1) % (more + 1)
	}
	for i := range n {
		s.P = append(s.P, draw(from, b[i]))
	}
}

// chooseContext says what a step is under. The loop's own context is the most common, of an Await the task's.
func (d *decoder) chooseContext(s *Step, b, c byte) {
	if s.Op == Await {
		s.Under = under(b>>2) % underCount * (under(b) & 1)
	}
	if s.Op == EndContext || traitsOf[s.Op].at && b&2 != 0 {
		s.Ctx = draw(d.contexts, c>>1)
	}
	if s.Ctx != none {
		s.Loop = d.p.Steps[s.Ctx].Loop
	}
	// A context of another loop ends a wait by way of a goroutine of std, at a time of its own.
	if s.Op == Await && (s.Inside == none || s.Ctx != none && d.p.Steps[s.Inside].Loop != s.Loop) {
		s.Ctx = none
	}
}

func (d *decoder) add(s Step, ret byte) {
	n := len(d.p.Steps)
	t := traitsOf[s.Op]
	if t.makes {
		d.promises = append(d.promises, n)
	}
	if t.calls {
		d.hosts = append(d.hosts, n)
	}
	if s.Op == New {
		d.roots = append(d.roots, n)
	}
	if s.Op == Task {
		d.tasks = append(d.tasks, n)
	}
	if s.Op.hasContext() {
		d.contexts = append(d.contexts, n)
	}
	d.p.Steps = append(d.p.Steps, s)
	d.ret = append(d.ret, ret)
}

// finish says what callbacks return, which may be promises that are made later.
func (d *decoder) finish() Program {
	for i := range d.p.Steps {
		if s := &d.p.Steps[i]; s.End == EndPromise {
			if s.Ret = draw(d.promises, d.ret[i]); s.Ret == none {
				s.End = EndValue
			}
		}
	}
	d.p.calm()
	return d.p
}

// calm takes Goexit out of programs that pause, or sleep no time: it ends a run of the queue early, the turn begins another one, and the rules
// do not say on which side of that what waits for the next turn stands.
func (p *Program) calm() {
	waits := false
	for _, s := range p.Steps {
		waits = waits || s.Op == Pause || (s.Op == Sleep || s.Op == Context || s.Op == WithTimeout) && s.D == 0
	}
	for i := range p.Steps {
		if s := &p.Steps[i]; waits && s.End == EndGoexit {
			s.End = EndPanic
		}
	}
}

// Closing returns the program with the end of one of its loops somewhere in it.
func (p Program) Closing(at uint64) Program {
	own := p.inner(none)
	if len(own) == 0 {
		return p
	}
	q := p.clone()
	i := own[int(at%uint64(len(own)))]
	return q.insert(i+1, Step{Op: CloseLoop, Inside: none, On: none, Ctx: none, Ret: none, Loop: int(at/64) % p.Loops})
}

// insert puts s at place i and renumbers.
func (p Program) insert(i int, s Step) Program {
	moved := func(n int) int {
		if n >= i {
			return n + 1
		}
		return n
	}
	p.renumber(moved)
	p.Steps = append(p.Steps[:i:i], append([]Step{s}, p.Steps[i:]...)...)
	return p
}

func (p Program) renumber(moved func(int) int) {
	for k := range p.Steps {
		s := &p.Steps[k]
		s.Inside, s.Ctx, s.Ret = moved(s.Inside), moved(s.Ctx), moved(s.Ret)
		for j := range s.P {
			s.P[j] = moved(s.P[j])
		}
	}
}
