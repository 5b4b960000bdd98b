/** A stretch of the week in local time, such as 22:00 to 07:00 on weekdays in Europe/Berlin. */
export interface WeekSpan {
  timeZone: string;
  /** days on which it begins, 0 Sunday to 6 Saturday; none: all */
  days?: number[];
  /** hh:mm; the end isn't part of it, and one at or before the beginning is on the next day */
  from: string;
  to: string;
}

const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const formats = new Map<string, Intl.DateTimeFormat>();

/** When the span that holds `now` ends (epoch ms), undefined when none does. */
export function endOfSpan(span: WeekSpan, now: number): number | undefined {
  const { day, minute } = local(span.timeZone, now);
  const from = minuteOf(span.from);
  const to = minuteOf(span.to);
  const begins = (weekday: number) => !span.days?.length || span.days.includes((weekday + 7) % 7);
  const length = (to - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  const sinceToday = minute - from;
  const inside =
    (sinceToday >= 0 && sinceToday < length && begins(day)) ||
    (sinceToday + DAY_MINUTES < length && begins(day - 1));
  if (!inside) return undefined;
  const guess = now - (now % MINUTE) + ((to - minute + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES) * MINUTE;
  // A change of the clocks in between moves the end by as much as the guess is off in local time.
  const off = ((local(span.timeZone, guess).minute - to + 1.5 * DAY_MINUTES) % DAY_MINUTES) - DAY_MINUTES / 2;
  return guess - off * MINUTE;
}

export function isTimeZone(name: string): boolean {
  try {
    return format(name) !== undefined;
  } catch {
    return false; // RangeError: no such time zone
  }
}

function local(timeZone: string, now: number): { day: number; minute: number } {
  const parts = Object.fromEntries(
    format(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  return {
    day: WEEKDAYS.indexOf(parts['weekday'] ?? ''),
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
  };
}

function format(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  formats.set(timeZone, made);
  return made;
}

function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}
