// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/internal/facts"
	"github.com/weft-go/weft/promise/promisetest"
)

// handLoop is a loop driven by hand, as facts run one.
type handLoop struct{ t *testing.T }

// Run implements facts.Loop.
func (h handLoop) Run(main func(ctx context.Context) error) error {
	l := promisetest.New()
	defer func() { assert.Empty(h.t, l.Close()) }()
	return l.Run(main)
}

func TestFactsHoldOnALoopDrivenByHand(t *testing.T) {
	facts.RunAll(t, func(t *testing.T) facts.Loop { return handLoop{t} })
}
