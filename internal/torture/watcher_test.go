// SPDX-License-Identifier: MIT

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheWatcherReportsAWaitThatDoesNotEnd(t *testing.T) {
	dumps := make(chan string, 1)
	w := newWatcher(20*time.Millisecond, func(dump string) {
		select {
		case dumps <- dump:
		default:
		}
	})
	stop := w.start()
	defer stop()
	w.watch("a wait that ends")()
	defer w.watch("a wait that does not")()
	dump := <-dumps
	assert.Contains(t, dump, "a wait that does not")
	assert.NotContains(t, dump, "a wait that ends")
	assert.Contains(t, dump, "TestTheWatcherReportsAWaitThatDoesNotEnd", "it shows the stacks")
}
