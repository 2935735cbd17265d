"""Forward a port of this machine to Redis: python proxy.py PORT REDIS_HOST REDIS_PORT

What goes through here finds Redis refusing when this is ended, and silent when it
is stopped with SIGSTOP. The Redis itself, which others may be using, is left alone.
"""
import asyncio
import sys


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def forward(reader, writer):
    redis_reader, redis_writer = await asyncio.open_connection(*sys.argv[2:])
    await asyncio.gather(copy(reader, redis_writer), copy(redis_reader, writer))


async def main():
    server = await asyncio.start_server(forward, '127.0.0.1', sys.argv[1])
    await server.serve_forever()


asyncio.run(main())
