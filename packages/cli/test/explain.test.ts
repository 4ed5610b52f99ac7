import { DeliveryError, StoreError } from '@dmls/client/ports'
import { describe, expect, test } from 'vitest'
import { CliError } from '../src/cli-error.ts'
import { explain } from '../src/explain.ts'

describe('what went wrong, in one line', () => {
  test.each([
    [
      new StoreError('store_locked', 'locked', { folder: '/x' }),
      'another process has the store open (/x); end it first',
    ],
    [
      new StoreError('store_version', 'It has format 9.'),
      'the store was written by another version of dmls: It has format 9.',
    ],
    [new StoreError('store_corrupted', 'lost'), 'the store is damaged: lost'],
    [new StoreError('store_failed', 'no space'), 'the store does not work: no space'],
    [
      new DeliveryError(
        'delivery_failed',
        'no:\n  /ip4: Error: listen EADDRINUSE: address already in use 127.0.0.1:80\n    at x',
      ),
      'the port is in use: 127.0.0.1:80',
    ],
    [
      new DeliveryError('delivery_failed', 'Error: listen EADDRNOTAVAIL: address not available 9.9.9.9\n    at x'),
      'this machine does not have the address: 9.9.9.9',
    ],
    [
      new DeliveryError(
        'delivery_failed',
        'x\n/dns4/a.invalid/tcp/0: Error: getaddrinfo ENOTFOUND a.invalid\n    at x',
      ),
      'there is no host of this name: a.invalid',
    ],
    [
      new DeliveryError('bad_address', 'Not a multiaddr: here', { address: 'here' }),
      '"here" is no address, such as /ip4/192.0.2.1/tcp/4001',
    ],
    [new DeliveryError('unreachable', 'connect ECONNREFUSED 127.0.0.1:1'), 'nobody listens there'],
    [new DeliveryError('unreachable', 'getaddrinfo ENOTFOUND a.invalid'), 'there is no host of this name'],
    [new DeliveryError('unreachable', 'The operation was aborted due to timeout'), 'no answer'],
    [
      new DeliveryError('unreachable', 'Payload identity key A does not match expected remote identity key B'),
      'somebody else answers there: the part after /p2p/ is not theirs',
    ],
    [new DeliveryError('unreachable', 'something new'), 'something new'],
    [new CliError('one\n  two'), 'one two'],
    [Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/etc/x' }), '/etc/x: no permission'],
    [new Error('anything\nelse'), 'anything else'],
    ['not even an error', 'not even an error'],
    [undefined, 'undefined'],
  ])('%s', (error, line) => {
    expect(explain(error)).toBe(line)
  })
})
