// SPDX-License-Identifier: MIT

package io

import "github.com/weft-go/weft/promise"

// ResourceInfo describes something that is open on a loop, or under way there. Kind is "connection",
// "listener", "server", "handler", "lookup", "task", "Offload" or "timer".
type ResourceInfo = promise.ResourceInfo

// origins has where the resources of a loop were made; nil unless the loop tracks them. Loop goroutine only.
type origins map[*ringLink[resource]]*promise.Site

// closed takes a resource off the loop's list. Loop goroutine only.
func (l *Loop) closed(r resource) {
	l.open.remove(r.link())
	delete(l.made, r.link())
}

// Resources lists what is open on the loop and what runs there: connections, listeners and name lookups in
// the order they were opened, then tasks, Offloads and timers. A task that calls Resources is among them.
// Made is there with the option TrackResources. Loop goroutine only: elsewhere call it by Do.
func (l *Loop) Resources() []ResourceInfo {
	var all []ResourceInfo
	for k := l.open.first(); k != nil; k = l.open.after(k) {
		if kind, name := k.of.describe(); kind != "" {
			all = append(all, ResourceInfo{Kind: kind, Name: name, Made: l.made[k].String()})
		}
	}
	return append(all, l.q.Resources()...)
}
