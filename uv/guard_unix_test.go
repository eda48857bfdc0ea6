// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestSignalsStayWithGo(t *testing.T) {
	newLoop(t)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	assert.Equal(t, syscall.SIGUSR1, <-c)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGPIPE), "caught")
	out, err := exec.Command("sh", "-c", "kill -PIPE $$; echo survived").CombinedOutput()
	assert.Error(t, err, "children do not inherit that: %s", out)
	require.NoError(t, uv.GuardSignal(syscall.SIGUSR1))
}
