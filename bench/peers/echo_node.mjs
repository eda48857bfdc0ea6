// SPDX-License-Identifier: MIT
//
// An echo server with node:net. Prints its port and serves until it is killed.
import net from 'node:net';

if (process.argv[2] === '--version') {
  console.log(`Node ${process.version}, libuv ${process.versions.uv}`);
} else {
  const server = net.createServer({noDelay: true}, (socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => socket.destroy());
  });
  server.listen({host: '127.0.0.1', port: 0, backlog: 4096}, () => console.log(server.address().port));
}
