// SPDX-License-Identifier: MIT

package main

// links is the length of a chain and the number of members of All.
const links = 1000

// cases in the order of the table. README.md says what is in the timed part of each.
var cases = []testCase{
	{name: "bind-resolved", per: 1, run: bindResolved},
	{name: "map-pending", per: 1, run: mapPending},
	{name: "bind-pending", per: 1, run: bindPending},
	{name: "chain-1000-map", per: links, run: chainMap},
	{name: "chain-1000-bind", per: links, run: chainBind},
	{name: "all-1000", per: links, run: allPending},
	{name: "pick-2", per: 1, run: pickFirst},
	{name: "pause-loop", per: 1, run: pauseLoop},
	{name: "post", per: 1, run: post},
	{name: "spawn", per: 1, run: spawn},
	{name: "spawn-1000", per: links, run: spawnMany},
	{name: "spawn-await", per: 1, run: spawnAwait},
	{name: "await-pending", per: 1, run: awaitPending},
	{name: "await-resolved", per: 1, run: awaitResolved},
	{name: "goroutine-await", per: 1, run: goroutineAwait},
	{name: "timers-1e6", per: million, run: timers},
	{name: "memory-pending", memory: memoryPending},
	{name: "memory-map", memory: memoryMap},
}
