// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/internal/facts"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// uvLoop is a libuv loop, as facts run one.
type uvLoop struct{ t *testing.T }

// Run implements facts.Loop.
func (u uvLoop) Run(main func(ctx context.Context) error) error {
	var loop *weftio.Loop
	defer func() {
		assert.Zero(u.t, loop.Stats())
		assert.Zero(u.t, uv.UnguardedSignal())
	}()
	if hosted {
		l, end, err := startOnHost()
		if err != nil {
			return err
		}
		loop = l
		err = promise.Go(l.Context(u.t.Context()), main).Wait(context.Background())
		return errors.Join(err, end())
	}
	return weftio.Run(u.t.Context(), func(ctx context.Context) error {
		loop = weftio.LoopFrom(ctx)
		return main(ctx)
	})
}

func TestFactsHoldOnALibuvLoop(t *testing.T) {
	facts.RunAll(t, func(t *testing.T) facts.Loop { return uvLoop{t} })
}
