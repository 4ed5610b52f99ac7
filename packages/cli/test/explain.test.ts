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
    [new DeliveryError('bad_address', 'Not a multiaddr: here'), 'Not a multiaddr: here'],
    [new CliError('one\n  two'), 'one two'],
    [Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/etc/x' }), '/etc/x: no permission'],
    [new Error('anything\nelse'), 'anything else'],
    ['not even an error', 'not even an error'],
    [undefined, 'undefined'],
  ])('%s', (error, line) => {
    expect(explain(error)).toBe(line)
  })
})
