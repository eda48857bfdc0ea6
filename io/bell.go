// SPDX-License-Identifier: MIT

package io

import (
	"context"

	"github.com/weft-go/weft/promise"
)

// bell wakes the tasks that wait for it. Loop goroutine only.
type bell struct {
	p *promise.Promise[promise.Unit]
	r *promise.Resolver[promise.Unit]
}

// wait waits for the next ring.
func (b *bell) wait(ctx context.Context) error {
	if b.p == nil {
		b.p, b.r = promise.New[promise.Unit](context.WithoutCancel(ctx))
	}
	return b.p.NoCancel().Wait(ctx)
}

func (b *bell) ring() {
	if r := b.r; r != nil {
		*b = bell{}
		r.Resolve(promise.Unit{})
	}
}
