import { ZoneClock } from './zones.js';

const clock = new ZoneClock();
const hour = (zone: string, iso: string) => clock.hourOfWeek(zone, Date.parse(iso));

test('hours of the local week, Monday first', () => {
  expect(hour('UTC', '2024-01-01T00:00:00Z')).toBe(0);
  expect(hour('Asia/Shanghai', '2024-01-01T00:00:00Z')).toBe(8);
  expect(hour('America/New_York', '2024-01-01T00:00:00Z')).toBe(163);
  expect(hour('Asia/Kolkata', '2024-01-01T00:30:00Z')).toBe(6);
});

test.each([
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'Pacific/Apia',
])('%s agrees with Intl at every half hour of two years, in any order', (zone) => {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const from = Date.parse('2023-01-01T00:00:00Z');
  for (let i = 0; i < 2000; i++) {
    const ms = from + ((i * 7919) % 35_040) * 1_800_000;
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const expected = days.indexOf(parts.weekday!) * 24 + Number(parts.hour) + Number(parts.minute) / 60;
    expect(clock.hourOfWeek(zone, ms)).toBeCloseTo(expected, 9);
  }
});

test('a zone that Intl does not know', () => {
  expect(clock.knows('Mars/Olympus')).toBe(false);
  expect(hour('Mars/Olympus', '2024-01-01T00:00:00Z')).toBeNaN();
});
