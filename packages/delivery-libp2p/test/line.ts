/** A TCP line to a port of this machine, with a delay, that can be frozen: what is under way then never arrives. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const DELAY_MS = 40

export interface Line {
  readonly port: number
  readonly isFrozen: boolean
  freeze(): void
  close(): void
}

export async function startLine(target: number): Promise<Line> {
  let isFrozen = false
  const sockets: Socket[] = []
  const carry = (from: Socket, to: Socket): void => {
    sockets.push(from)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.on('data', (bytes) => setTimeout(() => isFrozen || to.destroyed || to.write(bytes), DELAY_MS))
  }
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    carry(near, far)
    carry(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get isFrozen() {
      return isFrozen
    },
    freeze() {
      isFrozen = true
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
