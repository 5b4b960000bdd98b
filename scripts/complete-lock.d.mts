interface Lock {
  readonly packages: Readonly<Record<string, object>>;
}
export function missingFromLock(lock: Lock): { name: string; version: string }[];
export function completed<L extends Lock>(lock: L): { packages: Record<string, unknown> };
