const DAY = 86_400_000;
const QUARTER = 900_000;

/** Offset of an IANA zone from UTC at an instant, minutes. Throws RangeError for a zone that Intl doesn't know. */
function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  let year = 0;
  let month = 0;
  let day = 0;
  let hour = 0;
  let minute = 0;
  for (const part of format.formatToParts(ms)) {
    if (part.type === 'year') year = Number(part.value);
    else if (part.type === 'month') month = Number(part.value);
    else if (part.type === 'day') day = Number(part.value);
    else if (part.type === 'hour') hour = Number(part.value) % 24;
    else if (part.type === 'minute') minute = Number(part.value);
  }
  return Math.round(
    (Date.UTC(year, month - 1, day, hour, minute) - Math.floor(ms / 60_000) * 60_000) / 60_000,
  );
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** the UTC day that is cached, and its offset; NaN on a day on which the offset changes */
  day: number;
  offset: number;
  quarter: number;
  quarterOffset: number;
}

/**
 * Local time for a stream: asks Intl once a zone and day (once a quarter of an hour on the two days a year on
 * which the clock changes), so that an event costs a map look-up. Zones are bounded by what Intl knows.
 */
export class ZoneClock {
  readonly #zones = new Map<string, Zone | null>();

  #zone(name: string): Zone | null {
    let zone = this.#zones.get(name);
    if (zone === undefined) {
      try {
        zone = {
          format: new Intl.DateTimeFormat('en-US', {
            timeZone: name,
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
          }),
          day: Number.NaN,
          offset: 0,
          quarter: Number.NaN,
          quarterOffset: 0,
        };
      } catch {
        zone = null;
      }
      // Unknown names come from events, so they are not remembered without a bound.
      if (zone !== null || this.#zones.size < 2000) this.#zones.set(name, zone);
    }
    return zone;
  }

  /** whether Intl knows the zone */
  knows(name: string): boolean {
    return this.#zone(name) !== null;
  }

  /** Minutes that the zone is ahead of UTC at `ms`; NaN for an unknown zone. */
  offsetMinutes(name: string, ms: number): number {
    const zone = this.#zone(name);
    if (zone === null) return Number.NaN;
    const day = Math.floor(ms / DAY);
    if (zone.day !== day) {
      const start = offsetAt(zone.format, day * DAY);
      const end = offsetAt(zone.format, (day + 1) * DAY);
      zone.day = day;
      zone.offset = start === end ? start : Number.NaN;
    }
    if (!Number.isNaN(zone.offset)) return zone.offset;
    const quarter = Math.floor(ms / QUARTER);
    if (zone.quarter !== quarter) {
      zone.quarter = quarter;
      zone.quarterOffset = offsetAt(zone.format, quarter * QUARTER);
    }
    return zone.quarterOffset;
  }

  /** Hour of the local week, 0 (Monday 00:00) to below 168, fractional; NaN for an unknown zone. */
  hourOfWeek(name: string, ms: number): number {
    const local = ms + this.offsetMinutes(name, ms) * 60_000;
    // 1970-01-01 was a Thursday: three days after a Monday.
    const hours = local / 3_600_000 + 72;
    // by hand: the remainder of two doubles is a call into the C library
    const ofWeek = hours - 168 * Math.floor(hours / 168);
    return ofWeek < 0 ? ofWeek + 168 : ofWeek;
  }
}
