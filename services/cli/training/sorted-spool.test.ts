import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { SortedSpool } from './sorted-spool.js';

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('riskwire-sort-'));

test.each([1 << 30, 20_000])(
  'records come out by time, those of one time as they came (runs of %d bytes)',
  (runBytes) => {
    const before = new Set(folders());
    const spool = new SortedSpool(runBytes);
    for (let i = 0; i < 1000; i++)
      spool.add({ time: (i * 7919) % 100, key: `键${i}`, value: Buffer.from(`value ${i}`) });
    const read = [...spool.read()];
    expect(read).toHaveLength(1000);
    read.forEach(({ time, key, value }, place) => {
      const i = Number(key.slice(1));
      expect(value.toString()).toBe(`value ${i}`);
      expect(time).toBe((i * 7919) % 100);
      const next = read[place + 1];
      if (next === undefined) return;
      expect(next.time).toBeGreaterThanOrEqual(time);
      if (next.time === time) expect(Number(next.key.slice(1))).toBeGreaterThan(i);
    });
    expect(spool.runs).toBe(runBytes > 1e6 ? 0 : 10);
    spool.close();
    for (const name of folders()) if (!before.has(name)) expect(existsSync(name)).toBe(false);
  },
);
