// SPDX-License-Identifier: MIT
//
// node test.js ADDON WHAT [N]: what Go does on Node's own loop, and that Node goes on as ever. Node has to end by itself.
'use strict';
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { Worker, workerData } = require('node:worker_threads');

const [addon, what, n] = workerData ?? process.argv.slice(2);
const go = require(addon);

const tests = {
  // Node does not wait for an adopted loop with nothing to do, nor for a promise that nobody holds the loop for.
  async idle() {
    go.begin();
    assert.throws(() => go.begin(), /adopted already/);
    finished = true;
    await go.never();
    assert.fail('settled');
  },

  // It does wait for a goroutine.
  async sum() {
    go.begin();
    assert.strictEqual(await go.sum(100e6), 5000000050000000);
    const sums = await Promise.all(Array.from({ length: 50 }, (_, i) => go.sum(i)));
    assert.deepStrictEqual(sums, sums.map((_, i) => i * (i + 1) / 2));
    finished = true;
  },

  // A server of Go's, a client of Node's, and timers of Node's in between.
  async serve() {
    go.begin();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const sent = Buffer.alloc(1 << 20, 'weft');
    const client = net.connect(await go.serve(), '127.0.0.1');
    client.end(sent);
    const got = [];
    client.on('data', (data) => got.push(data));
    await once(client, 'end');
    assert.deepStrictEqual(Buffer.concat(got), sent);
    clearInterval(timer);
    assert(ticks > 0);
    finished = true;
  },

  // Children of Node's while goroutines come and go: libuv's handler of SIGCHLD must not run on their stacks.
  async children() {
    go.begin();
    go.churn();
    let started = 0;
    await Promise.all(Array.from({ length: 4 }, async () => {
      while (started < n) {
        const code = 3 + started++ % 5;
        const [got, signal] = await once(spawn('sh', ['-c', `exit ${code}`], { stdio: 'ignore' }), 'exit');
        assert.strictEqual(signal, null);
        assert.strictEqual(got, code);
        assert.strictEqual(await go.sum(code), code * (code + 1) / 2);
      }
    }));
    assert.strictEqual(go.unguarded(), 0);
    finished = true;
  },

  // Workers have loops of their own, which they close with their ends, whatever Go does then.
  async workers() {
    go.begin();
    const ends = Array.from({ length: 3 }, async () => {
      const [code] = await once(new Worker(__filename, { workerData: [addon, 'sum'] }), 'exit');
      assert.strictEqual(code, 0);
      const cut = new Worker(__filename, { workerData: [addon, 'busy'] });
      await once(cut, 'message');
      await cut.terminate();
    });
    await Promise.all(ends);
    finished = true;
  },

  async busy() {
    go.begin();
    await go.serve();
    require('node:worker_threads').parentPort.postMessage('serving');
    finished = true;
  },
};

let finished = false;
process.on('exit', (code) => assert(finished || code !== 0, `${what}: Node has ended too early`));
tests[what]();
