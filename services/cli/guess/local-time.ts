import { ZoneClock } from '../../../detection/features/zones.js';

/** From a wall clock to an instant, and what zones there are. */
export class LocalTime {
  readonly #clock = new ZoneClock();

  knows(zone: string): boolean {
    return zone !== '' && this.#clock.knows(zone);
  }

  /**
   * The instant (epoch ms) at which the zone's clocks show `wall`, given as if it were UTC. A time that a change of
   * the clocks leaves out is taken as after it, one that comes twice as the earlier. NaN for an unknown zone.
   */
  toEpoch(wall: number, zone: string): number {
    if (zone === 'UTC') return wall;
    const before = this.#clock.offsetMinutes(zone, wall - 86_400_000);
    const after = this.#clock.offsetMinutes(zone, wall + 86_400_000);
    const early = wall - Math.max(before, after) * 60_000;
    if (before === after) return early;
    const fits = (instant: number) => instant + this.#clock.offsetMinutes(zone, instant) * 60_000 === wall;
    if (fits(early)) return early;
    return wall - Math.min(before, after) * 60_000;
  }
}
