// SPDX-License-Identifier: MIT

package promise

import "strings"

// ResourceInfo describes something that is open on a loop, or under way there. See Queue.Resources.
type ResourceInfo struct {
	Kind string // "task", or "handler" as ContextNamed has it, "Offload", "timer"; package io adds "connection" and the like
	Name string // the function of a task or an Offload, the call that has set a timer, an address
	Made string // the calls that have made it, innermost first: "function (file:line)" a line; empty if not tracked
}

// String returns one line, and another for each call of Made.
func (r ResourceInfo) String() string {
	line := r.Kind + " " + r.Name
	if r.Made != "" {
		line += "\n\t" + strings.ReplaceAll(r.Made, "\n", "\n\t")
	}
	return line
}

// Track has the queue remember where its tasks, Offloads and timers are made. That costs about a
// microsecond and 200 bytes for each, until it ends. Call it before the queue is used.
func (q *Queue) Track() { q.tracking, q.origins = true, map[any]*Site{} }

// Here returns where the user of weft has called it, nil unless the queue tracks its resources. A call
// that comes from a task of weft's own is that of the user who has made that task. It is for operations
// that remember where they were begun. Safe from any goroutine.
func (q *Queue) Here() *Site {
	if !q.tracking {
		return nil
	}
	return q.here()
}

func (q *Queue) here() *Site {
	s := &Site{}
	s.capture()
	if s.ofUser() {
		return s
	}
	if on, _ := locate(); on == q && q.cur != nil {
		q.lock()
		defer q.unlock()
		if made := q.origins[q.cur.t]; made != nil {
			return made
		}
	}
	return s
}

// mark notes where a resource was made. q is locked.
func (q *Queue) mark(resource any, made *Site) {
	if made != nil && q.origins != nil {
		q.origins[resource] = made
	}
}

// unmark is called when the resource has ended. q is locked.
func (q *Queue) unmark(resource any) {
	if q.origins != nil {
		delete(q.origins, resource)
	}
}

// Resources lists the tasks, Offloads and timers that have not ended, in this order. A task that calls
// Resources is among them. Made is there if Track was called. Safe from any goroutine.
func (q *Queue) Resources() []ResourceInfo {
	q.lock()
	defer q.unlock()
	var all []ResourceInfo
	add := func(kind, name string, resource any) {
		all = append(all, ResourceInfo{Kind: kind, Name: name, Made: q.origins[resource].String()})
	}
	for _, t := range q.tasks.all() {
		kind, name, _ := strings.Cut(t.name(), " ")
		add(kind, name, t)
	}
	for _, j := range append(q.offloads.running.all(), q.offloads.waiting.all()...) {
		add("Offload", j.op.name(), j)
	}
	for _, s := range q.timers.slots {
		add("timer", s.t.fire.what(), s.t)
	}
	return all
}
