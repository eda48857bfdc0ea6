# SPDX-License-Identifier: MIT
"""An echo server with asyncio's protocols on uvloop. Prints its port and serves until it is killed."""

import asyncio
import sys

import uvloop


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport  # uvloop sets TCP_NODELAY itself

    def data_received(self, data):
        self.transport.write(data)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if sys.argv[1:] == ["--version"]:
    print("uvloop", uvloop.__version__, "Python", sys.version.split()[0])
else:
    uvloop.install()
    asyncio.run(main())
