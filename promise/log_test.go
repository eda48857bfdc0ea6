// SPDX-License-Identifier: MIT

package promise_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestTheSameReportIsNotLoggedWithoutEnd(t *testing.T) {
	var log syncBuffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	l := promisetest.New()
	defer l.Close()
	for i := range 10_000 {
		l.Queue().Report(fmt.Errorf("peer %d: %w", i, errTest))
	}
	l.Queue().Report(fmt.Errorf("another"))
	lines := bytes.Count(log.Bytes(), []byte("\n"))
	assert.Less(t, lines, 1000)
	assert.Greater(t, lines, 1)
	assert.Contains(t, string(log.Bytes()), "another")
}
