// SPDX-License-Identifier: MIT

//go:build !linux

package uvtest

import "testing"

func descriptors(testing.TB) map[string]string { return nil }

func warmUp(testing.TB) {}
