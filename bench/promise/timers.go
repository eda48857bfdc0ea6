// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

const million = 1_000_000

// timers arms a million timers of 1 to 100 ms, out of order, and waits for them all. Arming takes longer than the shortest:
// they fire once the loop turns.
func timers(ctx context.Context, n int) error {
	for range n {
		fired := 0
		end, ended := promise.New[promise.Unit](ctx)
		count := func(promise.Unit) (promise.Unit, error) {
			if fired++; fired == million {
				ended.Resolve(promise.Unit{})
			}
			return promise.Unit{}, nil
		}
		for i := range million {
			promise.Map(weftio.Sleep(ctx, time.Duration(1+i*7919%100)*time.Millisecond), count)
		}
		if err := end.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}
