// SPDX-License-Identifier: MIT

package uv_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestVersionIsThatOfTheLibraryThatRuns(t *testing.T) {
	n := uv.VersionNumber()
	assert.GreaterOrEqual(t, n, 0x012c00)
	assert.Regexp(t, fmt.Sprintf(`^%d\.%d\.%d`, n>>16, n>>8&255, n&255), uv.Version())
	assert.GreaterOrEqual(t, n>>8, uv.HeaderVersionNumber()>>8, "this program runs")
	assert.NoError(t, uv.CheckVersion())
}

func TestVersionErrorIsItsCode(t *testing.T) {
	var err error = &uv.VersionError{Text: "too old", Err: uv.ENOTSUP}
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.EqualError(t, err, "uv: too old")
}

func TestFeaturesAreWhatCallsAnswer(t *testing.T) {
	l := newLoop(t)
	_, err := l.Metrics()
	if uv.Has(uv.FeatureMetricsInfo) {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
	assert.False(t, uv.Has(-1) || uv.Has(1000))
}
