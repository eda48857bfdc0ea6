// SPDX-License-Identifier: MIT

//go:build !unix

package main

// descriptors counts the process's open descriptors: none where the system does not list them.
func descriptors() int { return 0 }

// limitDescriptors lets the process have no more than n descriptors, until restore is called. This system has no such limit.
func limitDescriptors(int) (restore func()) { return func() {} }
