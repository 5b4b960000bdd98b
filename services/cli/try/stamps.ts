const formats = new Map<string, Intl.DateTimeFormat>();

/** 2024-03-05 14:07:00 in a time zone. */
export function localStamp(ms: number, zone: string): string {
  let format = formats.get(zone);
  if (format === undefined) {
    // sv-SE writes dates the ISO way
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
    formats.set(zone, format);
  }
  return format.format(ms);
}
