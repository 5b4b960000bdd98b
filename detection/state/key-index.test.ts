import fc from 'fast-check';
import { hashString } from '../features/hash.js';
import { KeyIndex } from './key-index.js';

/** keys of which many share a cell */
const key = fc.nat(300).map((n) => `card-${n}`);
const command = fc.oneof(
  fc.record({ type: fc.constant('add' as const), key }),
  fc.record({ type: fc.constant('remove' as const), key }),
);

test('knows after any adding and removing what a Map knows, by text and by bytes', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 900, size: 'max' }), (commands) => {
      const keys: string[] = [];
      const index = new KeyIndex(keys);
      const model = new Map<string, number>();
      for (const { type, key } of commands) {
        if (type === 'add' && !model.has(key)) {
          model.set(key, keys.length);
          index.add(key, keys.push(key) - 1);
        } else if (type === 'remove') {
          index.remove(key);
          model.delete(key);
        }
      }
      for (let n = 0; n <= 300; n++) {
        const text = `card-${n}`;
        const bytes = Buffer.from(`>${text}<`);
        expect(index.find(text)).toBe(model.get(text) ?? -1);
        expect(index.findHashedBytes(bytes, 1, bytes.length - 1, hashString(text))).toBe(
          model.get(text) ?? -1,
        );
      }
    }),
    { numRuns: 50 },
  );
});
