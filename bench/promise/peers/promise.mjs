// SPDX-License-Identifier: MIT

// The cases of ../cases.go with Node's promises, called as that is: node --expose-gc promise.mjs --case NAME --time 300ms. Prints
// name, nanoseconds and nanoseconds of CPU per operation; or name and bytes per promise; nothing for a case that Node has no
// equivalent of.

import { setImmediate, setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const links = 1000;
const million = 1_000_000;

// What the callbacks count, so that each run can be checked and no callback is for nothing.
let hits = 0;

// Does n laps, each begun in the last callback of the one before: setup returns what begins a lap, whose end calls next.
function callbacks(setup) {
  return (n) => new Promise((ended) => {
    const begin = setup(() => {
      hits++;
      if (--n === 0) ended();
      else begin();
    });
    begin();
  });
}

// What Promise.withResolvers is from Node 22 on.
function pending() {
  let resolve, reject;
  const promise = new Promise((res, rej) => { resolve = res; reject = rej; });
  return { promise, resolve, reject };
}

const resolved = Promise.resolve(1);

function chain(link) {
  return callbacks((next) => {
    const end = (v) => { if (v === links) next(); };
    return () => {
      let { promise, resolve } = pending();
      for (let i = 0; i < links; i++) promise = promise.then(link);
      promise.then(end);
      resolve(0);
    };
  });
}

// Name: operations in a lap, hits in a lap, what runs n laps.
const cases = {
  'bind-resolved': [1, 1, callbacks((next) => {
    const f = (v) => { next(); return Promise.resolve(v + 1); };
    return () => { resolved.then(f); };
  })],

  'map-pending': [1, 1, callbacks((next) => {
    const f = (v) => { next(); return v + 1; };
    return () => {
      const { promise, resolve } = pending();
      promise.then(f);
      resolve(1);
    };
  })],

  'bind-pending': [1, 1, callbacks((next) => {
    const f = (v) => { next(); return Promise.resolve(v + 1); };
    return () => {
      const { promise, resolve } = pending();
      promise.then(f);
      resolve(1);
    };
  })],

  'chain-1000-map': [links, 1, chain((v) => v + 1)],

  'chain-1000-bind': [links, 1, chain((v) => Promise.resolve(v + 1))],

  'all-1000': [links, 1, callbacks((next) => {
    const end = (vs) => { if (vs.length === links) next(); };
    const resolvers = new Array(links);
    return () => {
      const ps = new Array(links);
      for (let i = 0; i < links; i++) {
        const { promise, resolve } = pending();
        ps[i] = promise;
        resolvers[i] = resolve;
      }
      Promise.all(ps).then(end);
      for (const resolve of resolvers) resolve(1);
    };
  })],

  'pick-2': [1, 1, callbacks((next) => {
    const canceled = new Error('canceled');
    return () => {
      const a = pending();
      const b = pending();
      Promise.race([a.promise, b.promise]).then(() => { b.reject(canceled); next(); });
      a.resolve(1);
    };
  })],

  'pause-loop': [1, 1, async (n) => {
    for (; n > 0; n--) { await setImmediate(); hits++; }
  }],

  'post': [1, 1, callbacks((next) => () => queueMicrotask(next))],

  'spawn': [1, 1, async (n) => {
    const empty = async () => { hits++; };
    for (; n > 0; n--) await empty();
  }],

  'spawn-1000': [links, links, async (n) => {
    const empty = async () => { hits++; };
    for (; n > 0; n--) {
      for (let i = 0; i < links; i++) empty();
      await setImmediate();
    }
  }],

  'spawn-await': [1, 1, async (n) => {
    let resolve;
    const waits = async (p) => { const v = await p; hits++; return v; };
    const settle = () => resolve(1);
    for (; n > 0; n--) {
      const p = new Promise((r) => { resolve = r; });
      const t = waits(p);
      queueMicrotask(settle);
      await t;
    }
  }],

  'await-pending': [1, 1, async (n) => {
    let resolve;
    const settle = () => resolve(1);
    for (; n > 0; n--) {
      const p = new Promise((r) => { resolve = r; });
      queueMicrotask(settle);
      await p;
      hits++;
    }
  }],

  'await-resolved': [1, 1, async (n) => {
    for (; n > 0; n--) { await resolved; hits++; }
  }],

  'timers-1e6': [million, million, async (n) => {
    for (; n > 0; n--) {
      let fired = 0;
      await new Promise((ended) => {
        const count = () => { hits++; if (++fired === million) ended(); };
        for (let i = 0; i < million; i++) setTimeout(1 + i * 7919 % 100).then(count);
      });
    }
  }],
};

async function measure(name, atLeast) {
  const [per, hitsPerLap, run] = cases[name];
  for (let n = 1; ;) {
    gc();
    hits = 0;
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    await run(n);
    const wall = Number(process.hrtime.bigint() - start);
    const used = process.cpuUsage(cpu);
    if (hits !== n * hitsPerLap) throw new Error(`${name}: a callback did not run`);
    if (wall >= atLeast * 1e6) {
      const ops = n * per;
      console.log(`${name}\t${(wall / ops).toFixed(2)}\t${((used.user + used.system) * 1000 / ops).toFixed(2)}`);
      return;
    }
    n = Math.min(Math.trunc(1.2 * n * atLeast * 1e6 / wall) + 1, 100 * n);
  }
}

function live() {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

async function memory(name, one) {
  const resolvers = new Array(million).fill(one);
  const before = live();
  for (let i = 0; i < million; i++) resolvers[i] = one();
  const after = live();
  for (const resolve of resolvers) resolve(1);
  await setImmediate();
  console.log(`${name}\t${((after - before) / million).toFixed(1)}`);
}

// pending() without the reject function, which nobody would keep.
function resolverOf(use) {
  let resolve;
  const p = new Promise((r) => { resolve = r; });
  use?.(p);
  return resolve;
}

const { values: { case: name, time, version } } = parseArgs({
  options: { case: { type: 'string' }, time: { type: 'string', default: '300ms' }, version: { type: 'boolean' } },
});
if (version) {
  console.log(`Node ${process.version}, V8 ${process.versions.v8}, ${process.execArgv.join(' ')}`);
} else if (name === 'memory-pending') {
  await memory(name, () => resolverOf());
} else if (name === 'memory-map') {
  const f = (v) => { hits++; return v; };
  await memory(name, () => resolverOf((p) => p.then(f)));
  if (hits !== million) throw new Error('memory-map: a callback did not run');
} else if (Object.hasOwn(cases, name)) {
  await measure(name, parseFloat(time));
}
